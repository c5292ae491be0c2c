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
  /** Days that an answer has room for at most. */
  daysMax: number;
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
  const dau = openDaySums(query.daysMax);
  const errors = openDaySums(query.daysMax);
  const events = newNameSums();
  const pages = newNameSums();

  const addNames = (sums: NameSums, app: number, type: number): void =>
    inUnits(
      DAY_MS,
      { from: query.from, end: query.to + 1, sign: 1 },
      (first, last) => views.names.addCounts(sums, app, type, { from: first, to: last }, query.checkTime),
      (rest) => {
        views.nameHours.addCounts(sums, app, type, rest, query.checkTime);
      },
    );

  const dauApps = query.areAll ? undefined : query.apps;
  const { wholeFrom, wholeTo } = parts;
  for (const { day, count } of views.days.counts(dauApps, wholeFrom, wholeTo, query.checkTime)) {
    query.checkTime();
    dau.add(day, count);
  }
  for (const { day, from, to } of parts.cut) {
    const midnight = day * DAY_MS;
    dau.add(day, views.userHours.count({ ...query, from: midnight + from, to: midnight + to }, hasEvent));
  }
  for (const app of query.apps) {
    for (const { day, count } of views.errors.counts(app, wholeFrom, wholeTo)) {
      query.checkTime();
      errors.add(day, count);
    }
    for (const { day, ...bounds } of parts.cut)
      errors.add(day, views.errors.countWithin(app, day, bounds, query.checkTime));
    addNames(events, app, EVENT);
    addNames(pages, app, PAGEVIEW);
  }
  return { dau: dau.days(), errors: errors.days(), events, pages };
}

/** Counts by day, of the latest days only where they are more than `max`. */
function openDaySums(max: number) {
  let sums = new Map<number, number>();
  let since = 0;
  const latest = (): [day: number, count: number][] =>
    [...sums].sort(([a], [b]) => a - b).slice(-Math.min(max, sums.size));
  return {
    add(day: number, count: number): void {
      if (count <= 0 || day < since) return;
      sums.set(day, (sums.get(day) ?? 0) + count);
      if (sums.size < 2 * max) return;
      sums = new Map(latest());
      [since = 0] = sums.keys();
    },
    /** Ascending. `isCut`: there were more. */
    days: () => ({ days: latest(), isCut: since > 0 || sums.size > max }),
  };
}
