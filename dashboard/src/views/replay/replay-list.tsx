/** The sessions there are, and what happened in each. */
export function ReplayListView() {
  return <div class="page">Replay</div>;
}
