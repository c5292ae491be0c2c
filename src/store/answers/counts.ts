/** Funnels, aggregates and names. */
import { EVENT_TYPES, typeCode } from '../../domain/event.js';
import { dayName, dayOf } from '../../domain/utc.js';
import { openDays } from '../../projections/days.js';
import { openErrors } from '../../projections/errors.js';
import { newNameSums } from '../../projections/name-counts.js';
import { openNameHours } from '../../projections/name-hours.js';
import { openNames } from '../../projections/names.js';
import { userStream } from '../../projections/streams.js';
import { openUserHours } from '../../projections/user-hours.js';
import { dayBytes, daysMax, FRAME_BYTES, fitDays, jsonBytes } from '../../questions/bounds.js';
import type { SyncAnswers } from '../../questions/index.js';
import type { CountedDay } from '../../questions/shapes.js';
import type { TimeRange } from '../port.js';
import { aggregate } from './aggregates.js';
import { countFunnel } from './funnel.js';
import type { Bounds, CountQuery, Scope } from './scope.js';
import { topNames } from './top-names.js';

export function answerCounts(scope: Scope): Pick<SyncAnswers, 'funnel' | 'aggregates' | 'names'> {
  const { env, log, streams, clamp, appNumbers, bounds, checkTime } = scope;
  const { dictionaries } = log;
  const views = {
    days: openDays(env),
    userHours: openUserHours(env),
    errors: openErrors(env),
    names: openNames(env),
    nameHours: openNameHours(env),
  };
  const queryOf = (apps: readonly string[] | undefined, range: TimeRange): CountQuery => ({
    ...clamp(range),
    apps: appNumbers(apps),
    users: log.counters().user,
    checkTime,
  });
  const names = { dictionaries, checkTime };

  const hasEvent = (app: number, user: number, { from, to }: Bounds): boolean => {
    for (const ref of streams.oldestFirst(userStream(app, user), { from, to })) {
      if (log.batch(ref).ts.some((ts) => ts >= from && ts <= to)) return true;
    }
    return false;
  };

  return {
    funnel({ steps, apps, ...range }) {
      const names = steps.map((step) => dictionaries.number('name', step));
      const query = queryOf(apps, range);
      const counts = query.from > query.to ? [] : countFunnel(views.names, { ...query, steps: names });
      return { steps: steps.map((name, index) => ({ name, count: counts[index] ?? 0 })) };
    },
    aggregates({ apps, limit, ...range }) {
      const query = queryOf(apps, range);
      if (query.from > query.to || query.apps.length === 0)
        return { dau: [], top_events: [], top_pages: [], errors_by_day: [] };
      const found = aggregate(
        views,
        { ...query, areAll: apps === undefined, daysMax: daysMax(bounds) },
        (app, user) => hasEvent(app, user, query),
      );
      const top_events = topNames(names, found.events, { limit });
      const top_pages = topNames(names, found.pages, { limit });
      const dau = found.dau.days.map(toDay);
      const errors_by_day = found.errors.days.map(toDay);
      const room = bounds.bytes - FRAME_BYTES - jsonBytes([top_events, top_pages]);
      const isCut = fitDays([dau, errors_by_day], room, dayBytes).includes(true);
      const truncated = isCut || found.dau.isCut || found.errors.isCut;
      return { dau, top_events, top_pages, errors_by_day, ...(truncated ? { truncated } : {}) };
    },
    names({ type, prefix = '', apps, limit }) {
      const types = type === undefined ? EVENT_TYPES.map((_, code) => code) : [typeCode(type)];
      const { from, to } = clamp({});
      const sums = newNameSums();
      for (const app of appNumbers(apps)) {
        for (const code of types)
          views.names.addCounts(sums, app, code, { from: dayOf(from), to: dayOf(to) }, checkTime);
      }
      return { names: topNames(names, sums, { limit, prefix }) };
    },
  };
}

const toDay = ([day, count]: [number, number]): CountedDay => ({ day: dayName(day), count });
