/** What `work` returns, or undefined where it throws. The core has its own: a classic script can't share one with a chunk. */
export function quietly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
