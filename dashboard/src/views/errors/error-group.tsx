/** One group of errors: its occurrences and their stacks. */
export function ErrorGroupView({ group }: { group: string }) {
  return <div class="page">{group}</div>;
}
