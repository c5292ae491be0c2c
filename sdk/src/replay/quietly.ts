/** Returns what `work` returns, or undefined if it throws. The core has its own: a classic script shares no code with chunks. */
export function quietly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
