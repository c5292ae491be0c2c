/** A user's days: how many events each had, counted over the user's own record batches. */
import { EVENT_TYPES } from '../../domain/event.js';
import type { Log } from '../../log/batches/log.js';
import { dayName, dayOf } from '../../projections/days.js';
import { obtain } from '../../projections/engine/projection.js';
import { type Streams, userStream } from '../../projections/streams.js';
import type { ActivityDay } from '../port.js';

const ERROR = EVENT_TYPES.indexOf('error');

/** Days ascending, those without an event left out. */
export function activityOf(
  log: Log,
  streams: Streams,
  query: { apps: readonly number[]; user: number; from: number; to: number },
  checkTime: () => void,
): ActivityDay[] {
  const { apps, user, from, to } = query;
  const days = new Map<number, { event_count: number; error_count: number; sessions: Set<string> }>();
  for (const app of apps) {
    for (const ref of streams.oldestFirst(userStream(app, user), { from, to })) {
      checkTime();
      const batch = log.batch(ref);
      for (const [index, ts] of batch.ts.entries()) {
        if (ts < from || ts > to) continue;
        const day = obtain(days, dayOf(ts), () => ({ event_count: 0, error_count: 0, sessions: new Set() }));
        day.event_count++;
        if (batch.types[index] === ERROR) day.error_count++;
        // One id under two apps is two sessions.
        day.sessions.add(`${app}/${batch.session}`);
      }
    }
  }
  return [...days]
    .sort(([a], [b]) => a - b)
    .map(([day, { sessions, ...counts }]) => ({
      day: dayName(day),
      ...counts,
      session_count: sessions.size,
    }));
}
