/** Reads in turn: few at once, no reader before all others, and none longer than a read may take. */
import { openFairQueue } from '../domain/fair-queue.js';
import { READ_MS_MAX, WAITING_READS_MAX, WAITING_READS_OF_ONE_MAX } from '../domain/limits.js';
import { ReadCancelled, type ReadFor, ReadsFull, type ReadsState, ReadTimeout } from '../store/port.js';

/** What answers are made of may be in memory as often. */
const AT_ONCE = 4;

interface Waiting {
  reader: string;
  begin: () => void;
}

export function openTurns(msMax = READ_MS_MAX) {
  const waiting = openFairQueue<Waiting>({ max: WAITING_READS_MAX, maxOfOne: WAITING_READS_OF_ONE_MAX });
  let running = 0;
  let refused = 0;
  const pump = (): void => {
    while (running < AT_ONCE && waiting.size() > 0) {
      running++;
      waiting.take()?.begin();
    }
  };
  return {
    /**
     * Runs `read` in its turn. Its signal aborts when nobody waits for it any more; its place is free only when
     * it has ended.
     */
    take<T>({ reader, onLeave }: ReadFor, read: (signal: AbortSignal) => Promise<T>): Promise<T> {
      return new Promise((resolve, reject) => {
        let isSettled = false;
        const settle = (settled: () => void): void => {
          isSettled = true;
          clearTimeout(timer);
          waiting.drop(item);
          settled();
        };
        const ending = new AbortController();
        const end = (reason: Error): void => {
          settle(() => reject(reason));
          ending.abort(reason);
        };
        const onLate = (): void => end(new ReadTimeout(`over ${msMax} ms`));
        const timer = setTimeout(onLate, msMax).unref();
        const begin = async (): Promise<void> => {
          try {
            const found = await read(ending.signal);
            settle(() => resolve(found));
          } catch (error) {
            settle(() => reject(error));
          }
          running--;
          pump();
        };
        const item: Waiting = { reader, begin };
        onLeave?.(() => isSettled || end(new ReadCancelled('whoever asked has left')));
        if (isSettled) return;
        if (waiting.add(item)) return pump();
        refused++;
        settle(() => reject(new ReadsFull('too many reads wait')));
      });
    },
    state: () => ({ waiting: waiting.size(), refused }),
  };
}

/** Turns of their own for incidents and listings, which so do not wait behind what reads everything. */
export function openLanes() {
  const [light, heavy] = [openTurns(), openTurns()];
  return {
    light,
    heavy,
    state(): ReadsState {
      const [one, other] = [light.state(), heavy.state()];
      return { waiting: one.waiting + other.waiting, refused: one.refused + other.refused, deaths: 0 };
    },
  };
}
