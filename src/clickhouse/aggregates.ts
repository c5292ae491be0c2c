/** Aggregates over a range: whole days from the views, the one or two days a bound cuts from the events themselves. */
import { EVENT_TYPES } from '../domain/event.js';
import { DAY_MS } from '../domain/limits.js';
import { dayName, dayOf } from '../domain/utc.js';
import type { ActivityDay } from '../questions/activity.js';
import { ALL, all, type Condition, type EventFilter, ofApps, toCondition } from '../questions/filter.js';
import type { Ask, Found } from '../questions/index.js';
import type { CountedDay, CountedName } from '../questions/shapes.js';
import type { TimeRange } from '../store/port.js';
import type { Engine } from './connect.js';
import { timesOf } from './listing.js';
import { ERROR } from './rows.js';
import { within } from './sql.js';

const EVENT = EVENT_TYPES.indexOf('event');
const PAGEVIEW = EVENT_TYPES.indexOf('pageview');

/** A range as whole days, ascending, and the parts of days that are left of it. */
function splitDays({ from, to }: Required<TimeRange>): {
  whole: [number, number];
  cut: Required<TimeRange>[];
} {
  const first = dayOf(from);
  const last = dayOf(to);
  const startCut = from > first * DAY_MS;
  const endCut = to < (last + 1) * DAY_MS - 1;
  if (first === last && (startCut || endCut)) return { whole: [1, 0], cut: [{ from, to }] };
  return {
    whole: [startCut ? first + 1 : first, endCut ? last - 1 : last],
    cut: [
      ...(startCut ? [{ from, to: (first + 1) * DAY_MS - 1 }] : []),
      ...(endCut ? [{ from: last * DAY_MS, to }] : []),
    ],
  };
}

const inDays = ([from_day, to_day]: [number, number]): Condition => ({
  sql: 'day >= {from_day:UInt32} AND day <= {to_day:UInt32}',
  params: { from_day, to_day },
});

interface DayRow {
  day: number;
  user_count: number;
  error_count: number;
}

export async function aggregate(
  engine: Engine,
  { apps, limit }: Ask<'aggregates'>,
  range: Required<TimeRange>,
): Promise<Found<'aggregates'>> {
  // Bounds that nothing lies beyond cut no day.
  const times = await timesOf(engine, apps ? { apps } : {}, range);
  if (!times) return { dau: [], top_events: [], top_pages: [], errors_by_day: [] };
  const { whole, cut } = splitDays(range);
  const ofThese = ofApps(apps);
  const days = all(inDays(whole), ofThese);
  const parts = cut.map((part) => all(within(part), ofThese));
  const [wholeDays, ...cutDays] = await Promise.all([
    engine.query<DayRow>(
      `SELECT day, uniqExactMerge(users) AS user_count, uniqExactIfMerge(errors) AS error_count
       FROM days WHERE ${days.sql} GROUP BY day`,
      days.params,
    ),
    ...parts.map(({ sql, params }) =>
      engine.query<DayRow>(
        `SELECT intDiv(hour, 24) AS day, uniqExact(user_id) AS user_count, uniqExactIf(batch, idx, type = ${ERROR}) AS error_count
         FROM events WHERE ${sql} GROUP BY day`,
        params,
      ),
    ),
  ]);
  const tops = await topNames(engine, days, parts, limit);
  const rows = [...wholeDays, ...cutDays.flat()].sort((a, b) => a.day - b.day);
  const byDay = (figure: 'user_count' | 'error_count'): CountedDay[] =>
    rows.flatMap((row) => {
      const count = Number(row[figure]);
      return count === 0 ? [] : [{ day: dayName(row.day), count }];
    });
  return {
    dau: byDay('user_count'),
    top_events: tops.get(EVENT) ?? [],
    top_pages: tops.get(PAGEVIEW) ?? [],
    errors_by_day: byDay('error_count'),
  };
}

/** By type: the greatest counts, then by the name's bytes. */
async function topNames(
  engine: Engine,
  days: Condition,
  parts: readonly Condition[],
  limit: number,
): Promise<Map<number, CountedName[]>> {
  const types = `type IN (${EVENT}, ${PAGEVIEW})`;
  const sources = [
    `SELECT type, name, uniqExactMerge(events) AS part FROM names WHERE ${types} AND ${days.sql} GROUP BY type, name`,
    ...parts.map(
      ({ sql }, index) =>
        `SELECT type, name, uniqExact(batch, idx) AS part FROM events
         WHERE ${types} AND ${numbered(sql, index)} GROUP BY type, name`,
    ),
  ];
  const params = Object.assign(
    { limit },
    days.params,
    ...parts.map((part, index) =>
      Object.fromEntries(Object.entries(part.params).map(([name, value]) => [`${name}_${index}`, value])),
    ),
  );
  const rows = await engine.query<{ type: number; name: string; count: number }>(
    `SELECT type, name, sum(part) AS count FROM (${sources.join(' UNION ALL ')})
     GROUP BY type, name ORDER BY type ASC, count DESC, name ASC LIMIT {limit:UInt32} BY type`,
    params,
  );
  const found = new Map<number, CountedName[]>();
  for (const { type, name, count } of rows)
    found.set(type, [...(found.get(type) ?? []), { name, count: Number(count) }]);
  return found;
}

/** The same condition with parameters of its own. */
const numbered = (sql: string, index: number): string => sql.replace(/\{(\w+):/g, `{$1_${index}:`);

/** Names that begin with a prefix, greatest count first, then by bytes. */
export async function listNames(
  engine: Engine,
  { type, prefix, apps, limit }: Ask<'names'>,
  range: Required<TimeRange>,
): Promise<CountedName[]> {
  const { sql, params } = all(
    inDays([dayOf(range.from), dayOf(range.to)]),
    toCondition({ ...(apps && { apps }), ...(type && { type }) }),
    prefix ? { sql: 'startsWith(name, {prefix:String})', params: { prefix } } : ALL,
  );
  const rows = await engine.query<CountedName>(
    `SELECT name, uniqExactMerge(events) AS count FROM names WHERE ${sql}
     GROUP BY name ORDER BY count DESC, name ASC LIMIT {limit:UInt32}`,
    { ...params, limit },
  );
  return rows.map(({ name, count }) => ({ name, count: Number(count) }));
}

/** The days on which a user has an event, ascending. */
export async function activityOf(
  engine: Engine,
  { user, apps }: Ask<'activity'>,
  range: Required<TimeRange>,
): Promise<ActivityDay[]> {
  const filter: EventFilter = { user, ...(apps && { apps }) };
  const times = await timesOf(engine, filter, range);
  if (!times) return [];
  const { sql, params } = all(within(times), toCondition(filter));
  const rows = await engine.query<{ day: number; events: number; errors: number; sessions: number }>(
    `SELECT intDiv(hour, 24) AS day, uniqExact(batch, idx) AS events,
       uniqExactIf(batch, idx, type = ${ERROR}) AS errors, uniqExact(app, session_id) AS sessions
     FROM events WHERE ${sql} GROUP BY day ORDER BY day`,
    params,
  );
  return rows.map(({ day, events, errors, sessions }) => ({
    day: dayName(day),
    event_count: Number(events),
    error_count: Number(errors),
    session_count: Number(sessions),
  }));
}
