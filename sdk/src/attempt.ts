/** What `work` returns, or undefined where it throws: for whatever a page or a browser may make fail. */
export function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
