/** Who was here. */
export function UsersView() {
  return <div class="page">Users</div>;
}
