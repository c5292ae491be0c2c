/** An error or report with everything that leads up to it, on one screen. */
export function IncidentView({ id }: { id: string }) {
  return <div class="page">{id}</div>;
}
