/** Aggregates over a range: whole days from daily counts, days that a bound cuts from hours and events. */
import { EVENT_TYPES } from '../../domain/event.js';
import { DAY_MS } from '../../domain/limits.js';
import { dayOf } from '../../domain/utc.js';
import type { Days } from '../../projections/days.js';
import type { Errors } from '../../projections/errors.js';
import { type NameSums, newNameSums } from '../../projections/name-counts.js';
import type { NameHours } from '../../projections/name-hours.js';
import type { Names } from '../../projections/names.js';
import { inUnits } from '../../projections/nearest.js';
import type { UserHours } from '../../projections/user-hours.js';
import type { CountQuery } from './scope.js';

const EVENT = EVENT_TYPES.indexOf('event');
const PAGEVIEW = EVENT_TYPES.indexOf('pageview');

/** A range as whole days, and the days that a bound cuts with the part inside, in ms of the day. */
interface DayParts {
  wholeFrom: number;
  wholeTo: number;
  cut: { day: number; from: number; to: number }[];
}

function splitDays(from: number, to: number): DayParts {
  const first = dayOf(from);
  const last = dayOf(to);
  const start = from - first * DAY_MS;
  const end = to - last * DAY_MS;
  const startCut = start > 0;
  const endCut = end < DAY_MS - 1;
  if (first === last && (startCut || endCut)) {
    return { wholeFrom: 0, wholeTo: -1, cut: [{ day: first, from: start, to: end }] };
  }
  return {
    wholeFrom: startCut ? first + 1 : first,
    wholeTo: endCut ? last - 1 : last,
    cut: [
      ...(startCut ? [{ day: first, from: start, to: DAY_MS - 1 }] : []),
      ...(endCut ? [{ day: last, from: 0, to: end }] : []),
    ],
  };
}

export interface AggregatesQuery extends CountQuery {
  /** Whether these are all apps: their users are counted together then. */
  areAll: boolean;
}

/**
 * Days ascend; those with a count of 0 are left out. `hasEvent`: whether a user has an event of an app in the
 * query's range.
 */
export function aggregate(
  views: { days: Days; userHours: UserHours; errors: Errors; names: Names; nameHours: NameHours },
  query: AggregatesQuery,
  hasEvent: (app: number, user: number) => boolean,
) {
  const parts = splitDays(query.from, query.to);
  const dau = new Map<number, number>();
  const errors = new Map<number, number>();
  const events = newNameSums();
  const pages = newNameSums();
  const add = (sums: Map<number, number>, day: number, count: number): void => {
    if (count > 0) sums.set(day, (sums.get(day) ?? 0) + count);
  };

  const addNames = (sums: NameSums, app: number, type: number): void =>
    inUnits(
      DAY_MS,
      { from: query.from, end: query.to + 1, sign: 1 },
      (first, last) => views.names.addCounts(sums, app, type, first, last),
      (rest) => {
        query.checkTime();
        views.nameHours.addCounts(sums, app, type, rest);
      },
    );

  const dauApps = query.areAll ? undefined : query.apps;
  for (const { day, count } of views.days.counts(dauApps, parts.wholeFrom, parts.wholeTo))
    add(dau, day, count);
  for (const { day, from, to } of parts.cut) {
    const midnight = day * DAY_MS;
    add(dau, day, views.userHours.count({ ...query, from: midnight + from, to: midnight + to }, hasEvent));
  }
  for (const app of query.apps) {
    query.checkTime();
    for (const { day, count } of views.errors.counts(app, parts.wholeFrom, parts.wholeTo))
      add(errors, day, count);
    for (const { day, ...bounds } of parts.cut) add(errors, day, views.errors.countWithin(app, day, bounds));
    addNames(events, app, EVENT);
    addNames(pages, app, PAGEVIEW);
  }
  const byDay = (sums: Map<number, number>) => [...sums].sort(([a], [b]) => a - b);
  return { dau: byDay(dau), errors: byDay(errors), events, pages };
}
