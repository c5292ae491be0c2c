/** Aggregates over a range: whole days from the counts, the one or two days a bound cuts from hours and packed times. */
import { EVENT_TYPES } from '../event.js';
import { DAY_MS } from '../limits.js';
import { type Days, dayOf } from './days.js';
import type { Errors } from './errors.js';
import { type NameSums, newNameSums } from './name-counts.js';
import type { NameHours } from './name-hours.js';
import type { Names } from './names.js';

const EVENT = EVENT_TYPES.indexOf('event');
const PAGEVIEW = EVENT_TYPES.indexOf('pageview');

/** A range of time as the days it touches: whole ones, and those a bound cuts with the part inside, in ms. */
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

export interface AggregatesQuery {
  /** Undefined for all apps together. */
  app: number | undefined;
  apps: readonly number[];
  from: number;
  to: number;
  checkTime: () => void;
}

export interface DayCounts {
  /** Ascending by day, days without any left out. */
  dau: [day: number, count: number][];
  errors: [day: number, count: number][];
  events: NameSums;
  pages: NameSums;
}

/** `hasEvent` tells whether a user has an event of an app in the query's range. */
export function aggregate(
  views: { days: Days; errors: Errors; names: Names; nameHours: NameHours },
  query: AggregatesQuery,
  hasEvent: (app: number, user: number) => boolean,
): DayCounts {
  const parts = splitDays(query.from, query.to);
  const dau = new Map<number, number>();
  const errors = new Map<number, number>();
  const events = newNameSums();
  const pages = newNameSums();
  const add = (sums: Map<number, number>, day: number, count: number): void => {
    if (count > 0) sums.set(day, (sums.get(day) ?? 0) + count);
  };

  for (const { day, count } of views.days.counts(query.app, parts.wholeFrom, parts.wholeTo))
    add(dau, day, count);
  for (const { day, ...bounds } of parts.cut) {
    add(dau, day, views.days.countWithin(query.apps, day, bounds, hasEvent));
  }
  for (const app of query.apps) {
    query.checkTime();
    for (const { day, count } of views.errors.counts(app, parts.wholeFrom, parts.wholeTo))
      add(errors, day, count);
    views.names.addCounts(events, app, EVENT, parts.wholeFrom, parts.wholeTo);
    views.names.addCounts(pages, app, PAGEVIEW, parts.wholeFrom, parts.wholeTo);
    for (const { day, ...bounds } of parts.cut) {
      query.checkTime();
      add(errors, day, views.errors.countWithin(app, day, bounds));
      const [from, to] = [day * DAY_MS + bounds.from, day * DAY_MS + bounds.to];
      views.nameHours.addCounts(events, app, EVENT, from, to);
      views.nameHours.addCounts(pages, app, PAGEVIEW, from, to);
    }
  }
  const byDay = (sums: Map<number, number>) => [...sums].sort(([a], [b]) => a - b);
  return { dau: byDay(dau), errors: byDay(errors), events, pages };
}
