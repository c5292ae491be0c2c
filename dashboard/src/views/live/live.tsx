/** Events as they are stored. */
export function LiveView() {
  return <div class="page">Live</div>;
}
