/** One session's recording, and everything that happened beside it. */
export function ReplayView({ app, session }: { app: string; session: string }) {
  return (
    <div class="page">
      {app} {session}
    </div>
  );
}
