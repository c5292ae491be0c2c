/** What all of them do: daily users, errors, top events and pages, funnels. */
export function InsightsView() {
  return <div class="page">Insights</div>;
}
