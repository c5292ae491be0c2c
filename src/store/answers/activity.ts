/** A user's days, counted from the user's record batches. */
import { EVENT_TYPES } from '../../domain/event.js';
import { dayName, dayOf } from '../../domain/utc.js';
import { obtain } from '../../projections/engine/projection.js';
import { userStream } from '../../projections/streams.js';
import type { ActivityDay } from '../../questions/activity.js';
import { COMMA_BYTES, FRAME_BYTES, fitDays, jsonBytes } from '../../questions/bounds.js';
import type { SyncAnswers } from '../../questions/index.js';
import { ReadTimeout } from '../port.js';
import type { Bounds, Scope } from './scope.js';

/** Whose ids one read keeps in memory. */
const DAY_SESSIONS_MAX = 200_000;
const ERROR = EVENT_TYPES.indexOf('error');

interface Day {
  event_count: number;
  error_count: number;
  session_count: number;
}

export function answerActivity(scope: Scope): Pick<SyncAnswers, 'activity'> {
  return {
    activity({ user, apps, ...range }) {
      const { from, to } = scope.clamp(range);
      const number = scope.log.dictionaries.number('user', user);
      if (number === undefined || from > to) return { days: [] };
      const days = daysOf(scope, number, scope.appNumbers(apps), { from, to });
      const room = scope.bounds.bytes - FRAME_BYTES;
      const isCut = fitDays([days], room, (day) => jsonBytes(day) + COMMA_BYTES).includes(true);
      return { days, ...(isCut ? { truncated: true } : {}) };
    },
  };
}

function daysOf(
  { log, streams }: Scope,
  user: number,
  apps: readonly number[],
  { from, to }: Bounds,
): ActivityDay[] {
  const days = new Map<number, Day>();
  for (const app of apps) {
    // The same id in two apps is two sessions.
    const sessions = new Set<string>();
    let current: Day | undefined;
    const endDay = (): void => {
      if (current) current.session_count += sessions.size;
      sessions.clear();
    };
    for (const ref of streams.oldestFirst(userStream(app, user), { from, to })) {
      const batch = log.batch(ref);
      for (const [index, ts] of batch.ts.entries()) {
        if (ts < from || ts > to) continue;
        const day = obtain(days, dayOf(ts), () => ({ event_count: 0, error_count: 0, session_count: 0 }));
        // No batch crosses midnight, and batches come in the order of their last events: a day comes whole.
        if (day !== current) endDay();
        current = day;
        day.event_count++;
        if (batch.types[index] === ERROR) day.error_count++;
        sessions.add(batch.session);
      }
      if (sessions.size > DAY_SESSIONS_MAX)
        throw new ReadTimeout(`the user has more than ${DAY_SESSIONS_MAX} sessions on one day`);
    }
    endDay();
  }
  return [...days].sort(([a], [b]) => a - b).map(([day, counts]) => ({ day: dayName(day), ...counts }));
}
