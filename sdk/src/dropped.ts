/** Counts the events that are given up, and tells of them as an event once the collector takes something again. */

export interface Dropped {
  /** Counts events that are given up, as JSON. */
  drop(events: string[]): void;
  /** Called when the collector has taken a batch, and when the page may go: what is not told is lost with it. */
  stored(): void;
}

/** One that tells of others stands for those. */
const TELLS = /"\$events_dropped".*"count":(\d+)}}$/;

/** `capture` takes an event. */
export function createDropped(capture: (name: string, props: { count: number }) => void): Dropped {
  let dropped = 0;
  return {
    drop(events) {
      for (const event of events) dropped += Number(TELLS.exec(event)?.[1] ?? 1);
    },
    stored() {
      const count = dropped;
      dropped = 0;
      if (count) capture('$events_dropped', { count });
    },
  };
}
