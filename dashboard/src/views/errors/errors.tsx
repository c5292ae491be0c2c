/** Errors by group, and the reports beside them. */
export function ErrorsView() {
  return <div class="page">Errors</div>;
}
