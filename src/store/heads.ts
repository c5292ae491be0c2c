/** Tells listeners of each new head. */
export function openHeads(first = 0) {
  const listeners = new Set<(head: number) => void>();
  let last = first;
  return {
    tell(head: number): void {
      if (head === last) return;
      last = head;
      for (const listener of listeners) listener(head);
    },
    /** The result unsubscribes. */
    onCommit(listener: (head: number) => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
