/** The events-a-minute limit: a fixed one-minute window per app, counted in events. */
import assert from 'node:assert/strict';

const WINDOW_MS = 60_000;

export interface Window {
  /** Unix ms. */
  startedAt: number;
  events: number;
}

/** Where the windows are kept, by app; a `Map` will do on one thread. */
export interface Windows {
  get(app: string): Window | undefined;
  set(app: string, window: Window): unknown;
}

/** Memory for the windows of as many apps, which two threads can share. */
export const newWindowMemory = (apps: number): Float64Array =>
  new Float64Array(new SharedArrayBuffer(apps * 2 * Float64Array.BYTES_PER_ELEMENT));

/** Windows in shared memory: one thread counts in them, another may look. `apps` in the same order on both. */
export function sharedWindows(apps: readonly string[], memory: Float64Array): Windows {
  const offsets = new Map(apps.map((app, index) => [app, index * 2]));
  return {
    get(app) {
      const at = offsets.get(app);
      if (at === undefined) return undefined;
      return { startedAt: memory[at] ?? 0, events: memory[at + 1] ?? 0 };
    },
    set(app, { startedAt, events }) {
      const at = offsets.get(app);
      if (at !== undefined) memory.set([startedAt, events], at);
    },
  };
}

/**
 * Asks whether `app` may send `events` more at `now` (Unix ms). `undefined` is yes, and counts them; a number is no, counts
 * nothing, and is the seconds until the window ends, 1 … 60.
 */
export type EventLimiter = (app: string, events: number, now: number) => number | undefined;

/**
 * A limiter for `eventsPerMinute` per app; 0 lets everything through. A window opens with the first events after the last
 * one ended. Events are counted as they ask, so batches that turn out invalid use the allowance up as well: it is
 * there to bound the collector's work. Remembers one window per app asked about: ask about known apps only.
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

/** A clock set back by more than a window ends it too; otherwise an app could stay shut out for as long as the jump. */
function hasEnded(window: Window, now: number): boolean {
  return now >= window.startedAt + WINDOW_MS || now < window.startedAt - WINDOW_MS;
}
