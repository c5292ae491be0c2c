/** One user: activity by day, and the sessions with their trails. */
export function UserView({ app, id }: { app: string; id: string }) {
  return (
    <div class="page">
      {app} {id}
    </div>
  );
}
