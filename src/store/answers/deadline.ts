/** When a read must end: after its time, or once nobody waits for it. */
import { performance } from 'node:perf_hooks';
import { READ_MS_MAX } from '../../domain/limits.js';
import { ReadCancelled, ReadTimeout } from '../port.js';

export interface ReadLimit {
  /** From now on. */
  ms: number;
  /** Whether whoever asked has left. */
  isCancelled?: () => boolean;
}

/** What the next read is limited by. */
export type NextLimit = () => ReadLimit;

export const ANY_READ: NextLimit = () => ({ ms: READ_MS_MAX });

/** Steps between two looks at the clock. */
const STEPS = 64;

export type Deadline = ReturnType<typeof openDeadline>;

/** The reads of a thread run one after the other: this is the limit of the one that runs. */
export function openDeadline() {
  let limit: ReadLimit = ANY_READ();
  let end = Number.POSITIVE_INFINITY;
  let steps = 0;
  const checkNow = (): void => {
    steps = 0;
    if (performance.now() > end) throw new ReadTimeout(`over ${Math.round(limit.ms)} ms`);
    if (limit.isCancelled?.()) throw new ReadCancelled('whoever asked has left');
  };
  return {
    begin(next: ReadLimit): void {
      limit = next;
      end = performance.now() + next.ms;
      steps = 0;
    },
    /** For each small step of a loop. Throws `ReadTimeout` or `ReadCancelled`. */
    check(): void {
      if (++steps === STEPS) checkNow();
    },
    /** For a large step. */
    checkNow,
  };
}
