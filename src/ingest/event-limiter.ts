/** The events-a-minute limit: a fixed one-minute window per app, counted in events. */
import assert from 'node:assert/strict';

const WINDOW_MS = 60_000;

interface Window {
  /** Unix ms. */
  startedAt: number;
  events: number;
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
export function createEventLimiter(eventsPerMinute: number): EventLimiter {
  assert(Number.isInteger(eventsPerMinute) && eventsPerMinute >= 0);
  if (eventsPerMinute === 0) return () => undefined;
  const windows = new Map<string, Window>();

  return (app, events, now) => {
    let window = windows.get(app);
    if (window === undefined || hasEnded(window, now)) {
      window = { startedAt: now, events: 0 };
      windows.set(app, window);
    }
    if (events > 0 && window.events + events > eventsPerMinute) {
      const leftMs = Math.min(window.startedAt + WINDOW_MS - now, WINDOW_MS);
      return Math.ceil(leftMs / 1_000);
    }
    window.events += events;
    return undefined;
  };
}

/** A clock set back by more than a window ends it too; otherwise an app could stay shut out for as long as the jump. */
function hasEnded(window: Window, now: number): boolean {
  return now >= window.startedAt + WINDOW_MS || now < window.startedAt - WINDOW_MS;
}
