/** The events-a-minute limit: a fixed one-minute window per app, counted in events. */
import assert from 'node:assert/strict';

const WINDOW_MS = 60_000;

interface Window {
  /** Unix ms. */
  startedAt: number;
  events: number;
}

/** Windows by app: a `Map`, or `sharedWindows` for two threads. */
export interface Windows {
  get(app: string): Window | undefined;
  set(app: string, window: Window): unknown;
}

/** Memory for `sharedWindows`. */
export const newWindowMemory = (apps: number): Float64Array =>
  new Float64Array(new SharedArrayBuffer(apps * 2 * Float64Array.BYTES_PER_ELEMENT));

/** Windows in shared memory: one thread writes, another may read. Both pass `apps` in the same order. */
export function sharedWindows(apps: readonly string[], memory: Float64Array): Windows {
  const indexes = new Map(apps.map((app, index) => [app, index * 2]));
  return {
    get(app) {
      const index = indexes.get(app);
      if (index === undefined) return undefined;
      return { startedAt: memory[index] ?? 0, events: memory[index + 1] ?? 0 };
    },
    set(app, { startedAt, events }) {
      const index = indexes.get(app);
      if (index !== undefined) memory.set([startedAt, events], index);
    },
  };
}

/** Counts events at `now` (Unix ms); if too many, gives the seconds until the window ends, 1 … 60. */
type EventLimiter = (app: string, events: number, now: number) => number | undefined;

/**
 * A limiter for `eventsPerMinute` per app; 0 means no limit. A window opens with the first events after the
 * last one ended. Invalid events count too. It keeps a window for each app: call it for known apps only.
 */
export function createEventLimiter(eventsPerMinute: number, windows: Windows = new Map()): EventLimiter {
  assert(Number.isInteger(eventsPerMinute) && eventsPerMinute >= 0);
  if (eventsPerMinute === 0) return () => undefined;

  return (app, events, now) => {
    const last = windows.get(app);
    const window = last === undefined || hasEnded(last, now) ? { startedAt: now, events: 0 } : last;
    if (events > 0 && window.events + events > eventsPerMinute) {
      const leftMs = Math.min(window.startedAt + WINDOW_MS - now, WINDOW_MS);
      return Math.ceil(leftMs / 1_000);
    }
    windows.set(app, { startedAt: window.startedAt, events: window.events + events });
    return undefined;
  };
}

/** A clock set back by more than a window ends it too: else it would refuse the app for that long. */
function hasEnded(window: Window, now: number): boolean {
  return now >= window.startedAt + WINDOW_MS || now < window.startedAt - WINDOW_MS;
}
