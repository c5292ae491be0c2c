/** In which order waiting requests are served: no app waits for all of another's, no sender for all of another's. */

/** What an app may have served, in bytes, before the next one's turn. */
const TURN_BYTES = 65_536;

export interface Waits {
  app: string;
  sender: number;
  bytes: number;
}

interface Lane<T> {
  /** What is left of the turn; below 0 the app has had more than its turn, and waits for the next ones. */
  bytes: number;
  senders: Map<number, T[]>;
}

/** Apps take turns by bytes; within an app its senders take turns by requests. */
export function openTurns<T extends Waits>() {
  const lanes = new Map<string, Lane<T>>();
  let count = 0;
  return {
    count: () => count,
    push(item: T): void {
      let lane = lanes.get(item.app);
      if (lane === undefined) {
        lane = { bytes: TURN_BYTES, senders: new Map() };
        lanes.set(item.app, lane);
      }
      const waiting = lane.senders.get(item.sender);
      if (waiting === undefined) lane.senders.set(item.sender, [item]);
      else waiting.push(item);
      count++;
    },
    next(): T | undefined {
      // What is set again is visited again, so this goes round until somebody's turn has something left.
      for (const [app, lane] of lanes) {
        if (lane.bytes <= 0) {
          lane.bytes += TURN_BYTES;
          lanes.delete(app);
          lanes.set(app, lane);
          continue;
        }
        const item = nextSender(lane.senders);
        if (lane.senders.size === 0) lanes.delete(app);
        if (item === undefined) continue;
        lane.bytes -= item.bytes;
        count--;
        return item;
      }
      return undefined;
    },
    clear(): void {
      lanes.clear();
      count = 0;
    },
  };
}

function nextSender<T>(senders: Map<number, T[]>): T | undefined {
  for (const [sender, waiting] of senders) {
    const item = waiting.shift();
    senders.delete(sender);
    if (waiting.length > 0) senders.set(sender, waiting);
    return item;
  }
  return undefined;
}
