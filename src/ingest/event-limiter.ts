/** The events-a-minute limit: a fixed one-minute window per app, counted in events. */
import assert from 'node:assert/strict';

const WINDOW_MS = 60_000;

interface Window {
  /** Unix ms. */
  startedAt: number;
  events: number;
}

/** Windows by app. */
export type Windows = Map<string, Window>;

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
    if (window.events + events > eventsPerMinute) {
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
