/** How often and of how large a page a snapshot is taken, so that snapshots never hold the page up for long. */

export interface Pace {
  /** Whether a page of so many elements may be recorded. */
  allows(elements: number): boolean;
  /** Learns from a snapshot how quick the machine is. */
  learn(elements: number, tookMs: number): void;
  /** How long the pause that begins now is, in ms. Pauses that follow each other grow. */
  nextPauseMs(): number;
}

/** A snapshot may hold the page up for this long, as far as can be told before it is taken. */
const SNAPSHOT_MS_MAX = 500;
/** A page with more elements is not recorded, until a snapshot of this page has told how quick the machine is, */
const ELEMENTS_MAX_AT_FIRST = 20_000;
/** which one of fewer elements than this does not tell: they are recorded anyway. */
const ELEMENTS_FEW = 5_000;
const ELEMENTS_MAX = 50_000;
/** After a pause, so many times what its snapshot took, so that snapshots are never more than a few percent of the time. */
const PAUSE_FACTOR = 20;
const PAUSE_MS_MIN = 1_000;
const PAUSE_MS_MAX = 60_000;
/** Pauses that follow each other within this time grow. */
const CALM_MS = 60_000;

export function createPace(): Pace {
  let pauseMs = PAUSE_MS_MIN;
  let learntAt = 0;
  let elementsMax = ELEMENTS_MAX_AT_FIRST;
  return {
    allows: (elements) => elements <= elementsMax,
    learn: (elements, tookMs) => {
      learntAt = Date.now();
      pauseMs = within(tookMs * PAUSE_FACTOR, pauseMs, PAUSE_MS_MAX);
      if (elements >= ELEMENTS_FEW) {
        elementsMax = within((elements * SNAPSHOT_MS_MAX) / tookMs, ELEMENTS_FEW, ELEMENTS_MAX);
      }
    },
    nextPauseMs: () => {
      if (Date.now() - learntAt > CALM_MS) pauseMs = PAUSE_MS_MIN;
      const nextMs = pauseMs;
      pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX);
      return nextMs;
    },
  };
}

function within(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
