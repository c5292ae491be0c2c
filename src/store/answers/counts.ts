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
import type { SyncAnswers } from '../../questions/index.js';
import type { CountedDay, CountedName } from '../../questions/shapes.js';
import type { TimeRange } from '../port.js';
import { aggregate } from './aggregates.js';
import { countFunnel } from './funnel.js';
import { compareUtf8 } from './merge.js';
import type { Bounds, CountQuery, Scope } from './scope.js';

export function answerCounts(scope: Scope): Pick<SyncAnswers, 'funnel' | 'aggregates' | 'names'> {
  const { env, log, streams, clamp, appNumbers, openDeadline } = scope;
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
    checkTime: openDeadline(),
  });
  const nameText = (name: number): string => dictionaries.text('name', name);

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
      const found = aggregate(views, { ...query, areAll: apps === undefined }, (app, user) =>
        hasEvent(app, user, query),
      );
      return {
        dau: found.dau.map(toDay),
        top_events: topNames(found.events.entries(), limit, nameText),
        top_pages: topNames(found.pages.entries(), limit, nameText),
        errors_by_day: found.errors.map(toDay),
      };
    },
    names({ type, prefix = '', apps, limit }) {
      const types = type === undefined ? EVENT_TYPES.map((_, code) => code) : [typeCode(type)];
      const { from, to } = clamp({});
      const sums = newNameSums();
      const checkTime = openDeadline();
      for (const app of appNumbers(apps)) {
        for (const code of types) {
          checkTime();
          views.names.addCounts(sums, app, code, dayOf(from), dayOf(to));
        }
      }
      const all = sums.entries();
      const fitting = prefix === '' ? all : all.filter(([name]) => nameText(name).startsWith(prefix));
      return { names: topNames(fitting, limit, nameText) };
    },
  };
}

const toDay = ([day, count]: [number, number]): CountedDay => ({ day: dayName(day), count });

/** Greatest counts first, then by name. Looks up only names that can make the list. */
function topNames(
  sums: readonly [name: number, count: number][],
  limit: number,
  text: (name: number) => string,
): CountedName[] {
  const counts = Float64Array.from(sums, ([, count]) => count)
    .sort()
    .reverse();
  const least = counts[Math.min(limit, counts.length) - 1] ?? 0;
  return sums
    .filter(([, count]) => count >= least)
    .map(([number, count]) => ({ name: text(number), count }))
    .sort((a, b) => b.count - a.count || compareUtf8(a.name, b.name))
    .slice(0, limit);
}
