/** Counts the events that are given up, and tells of them as an event once the collector takes something again. */

export interface Dropped {
  /** Counts events that are given up. */
  drop(count: number): void;
  /** Called when the collector has taken a batch. */
  stored(): void;
}

/** `capture` takes an event. */
export function createDropped(capture: (name: string, props: { count: number }) => void): Dropped {
  let dropped = 0;
  return {
    drop(count) {
      dropped += count;
    },
    stored() {
      const count = dropped;
      dropped = 0;
      if (count) capture('$events_dropped', { count });
    },
  };
}
