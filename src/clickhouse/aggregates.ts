/** Aggregates over a range: whole days from the views, days that a bound cuts from the events. */
import { EVENT_TYPES } from '../domain/event.js';
import { DAY_MS } from '../domain/limits.js';
import { dayName, dayOf } from '../domain/utc.js';
import type { ActivityDay } from '../questions/activity.js';
import {
  ANSWER_BOUNDS,
  COMMA_BYTES,
  dayBytes,
  daysMax,
  FRAME_BYTES,
  fitDays,
  jsonBytes,
} from '../questions/bounds.js';
import { ALL, all, type Condition, type EventFilter, ofApps, toCondition } from '../questions/filter.js';
import type { Ask, Found } from '../questions/index.js';
import type { CountedDay, CountedName } from '../questions/shapes.js';
import type { Engine } from './connect.js';
import { timesOf } from './listing.js';
import { ERROR } from './rows.js';
import { daysWithin, type Times, within } from './sql.js';

const EVENT = EVENT_TYPES.indexOf('event');
const PAGEVIEW = EVENT_TYPES.indexOf('pageview');
const NO_DAYS = { from: DAY_MS, to: 0 };

/** The whole days of a range, and the parts of days that are left of it. */
function splitDays({ from, to }: Times): {
  whole: Times;
  parts: Times[];
} {
  const start = dayOf(from + DAY_MS - 1) * DAY_MS;
  const end = dayOf(to + 1) * DAY_MS;
  if (start > end) return { whole: NO_DAYS, parts: [{ from, to }] };
  return {
    whole: start < end ? { from: start, to: end - 1 } : NO_DAYS,
    parts: [
      { from, to: start - 1 },
      { from: end, to },
    ].filter((part) => part.from <= part.to),
  };
}

interface DayRow {
  day: number;
  user_count: number;
  error_count: number;
}

export async function aggregate(
  engine: Engine,
  { apps, limit }: Ask<'aggregates'>,
  range: Times,
): Promise<Found<'aggregates'>> {
  const times = await timesOf(engine, apps ? { apps } : {}, range);
  if (!times) return { dau: [], top_events: [], top_pages: [], errors_by_day: [] };
  const split = splitDays(range);
  const days = all(daysWithin(split.whole), ofApps(apps));
  const parts = split.parts.map((part) => all(within(part), ofApps(apps)));
  const [wholeDays, ...cutDays] = await Promise.all([
    engine.query<DayRow>(
      `SELECT day, uniqExactMerge(users) AS user_count, uniqExactIfMerge(errors) AS error_count
       FROM days WHERE ${days.sql} GROUP BY day ORDER BY day DESC LIMIT {days:UInt32}`,
      { ...days.params, days: daysMax(ANSWER_BOUNDS) + 1 },
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
  const named = (type: number): CountedName[] =>
    tops.filter((row) => row.type === type).map(({ name, count }) => ({ name, count }));
  const rows = [...wholeDays, ...cutDays.flat()].sort((a, b) => a.day - b.day);
  const byDay = (figure: 'user_count' | 'error_count'): CountedDay[] =>
    rows.filter((row) => row[figure] > 0).map((row) => ({ day: dayName(row.day), count: row[figure] }));
  const [dau, errors_by_day] = [byDay('user_count'), byDay('error_count')];
  const [top_events, top_pages] = [named(EVENT), named(PAGEVIEW)];
  const room = ANSWER_BOUNDS.bytes - FRAME_BYTES - jsonBytes([top_events, top_pages]);
  const isCut = fitDays([dau, errors_by_day], room, dayBytes).includes(true);
  return { dau, top_events, top_pages, errors_by_day, ...(isCut ? { truncated: true } : {}) };
}

/** Of each type the greatest counts first, then by the name's bytes. */
async function topNames(
  engine: Engine,
  days: Condition,
  parts: readonly Condition[],
  limit: number,
): Promise<(CountedName & { type: number })[]> {
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
  return engine.query(
    `SELECT type, name, sum(part) AS count FROM (${sources.join(' UNION ALL ')})
     GROUP BY type, name ORDER BY type ASC, count DESC, name ASC LIMIT {limit:UInt32} BY type`,
    params,
  );
}

/** The same condition with its own parameter names. */
const numbered = (sql: string, index: number): string => sql.replace(/\{(\w+):/g, `{$1_${index}:`);

/** Names that begin with a prefix, greatest count first, then by bytes. */
export function listNames(
  engine: Engine,
  { type, prefix, apps, limit }: Ask<'names'>,
  range: Times,
): Promise<CountedName[]> {
  const { sql, params } = all(
    daysWithin(range),
    toCondition({ ...(apps && { apps }), ...(type && { type }) }),
    prefix ? { sql: 'startsWith(name, {prefix:String})', params: { prefix } } : ALL,
  );
  return engine.query<CountedName>(
    `SELECT name, uniqExactMerge(events) AS count FROM names WHERE ${sql}
     GROUP BY name ORDER BY count DESC, name ASC LIMIT {limit:UInt32}`,
    { ...params, limit },
  );
}

/** The days on which a user has an event, ascending. */
export async function activityOf(
  engine: Engine,
  { user, apps }: Ask<'activity'>,
  range: Times,
): Promise<Found<'activity'>> {
  const filter: EventFilter = { user, ...(apps && { apps }) };
  const times = await timesOf(engine, filter, range);
  if (!times) return { days: [] };
  const { sql, params } = all(within(times), toCondition(filter));
  const rows = await engine.query<Omit<ActivityDay, 'day'> & { day: number }>(
    `SELECT intDiv(hour, 24) AS day, uniqExact(batch, idx) AS event_count,
       uniqExactIf(batch, idx, type = ${ERROR}) AS error_count, uniqExact(app, session_id) AS session_count
     FROM events WHERE ${sql} GROUP BY day ORDER BY day DESC LIMIT {days:UInt32}`,
    { ...params, days: daysMax(ANSWER_BOUNDS) + 1 },
  );
  const days = rows.reverse().map(({ day, ...counts }) => ({ day: dayName(day), ...counts }));
  const room = ANSWER_BOUNDS.bytes - FRAME_BYTES;
  const isCut = fitDays([days], room, (day) => jsonBytes(day) + COMMA_BYTES).includes(true);
  return { days, ...(isCut ? { truncated: true } : {}) };
}
