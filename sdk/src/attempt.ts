/** What `work` returns, or undefined where it throws: for whatever a page or a browser may make fail. */
export function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/** A function that does the same, but whose errors, thrown or rejected, reach nobody. */
export function guard<A extends unknown[]>(work: (...args: A) => unknown): (...args: A) => void {
  return (...args) => {
    Promise.resolve(attempt(() => work(...args))).catch(() => {});
  };
}

/** Calls them all, whatever one of them does. */
export function each<A extends unknown[]>(works: ((...args: A) => unknown)[], ...args: A): void {
  for (const work of works) guard(work)(...args);
}
