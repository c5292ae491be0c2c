/** A user's days, counted from the user's record batches. */
import { EVENT_TYPES } from '../../domain/event.js';
import { dayName, dayOf } from '../../domain/utc.js';
import { obtain } from '../../projections/engine/projection.js';
import { userStream } from '../../projections/streams.js';
import type { ActivityDay } from '../../questions/activity.js';
import type { SyncAnswers } from '../../questions/index.js';
import type { Bounds, Scope } from './scope.js';

const ERROR = EVENT_TYPES.indexOf('error');

interface Day {
  event_count: number;
  error_count: number;
  sessions: Set<string>;
}

export function answerActivity(scope: Scope): Pick<SyncAnswers, 'activity'> {
  return {
    activity({ user, apps, ...range }) {
      const { from, to } = scope.clamp(range);
      const number = scope.log.dictionaries.number('user', user);
      if (number === undefined || from > to) return { days: [] };
      return { days: daysOf(scope, number, scope.appNumbers(apps), { from, to }) };
    },
  };
}

function daysOf(
  { log, streams, openDeadline }: Scope,
  user: number,
  apps: readonly number[],
  { from, to }: Bounds,
): ActivityDay[] {
  const checkTime = openDeadline();
  const days = new Map<number, Day>();
  for (const app of apps) {
    for (const ref of streams.oldestFirst(userStream(app, user), { from, to })) {
      checkTime();
      const batch = log.batch(ref);
      for (const [index, ts] of batch.ts.entries()) {
        if (ts < from || ts > to) continue;
        const day = obtain(days, dayOf(ts), () => ({ event_count: 0, error_count: 0, sessions: new Set() }));
        day.event_count++;
        if (batch.types[index] === ERROR) day.error_count++;
        // The same id in two apps is two sessions.
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
