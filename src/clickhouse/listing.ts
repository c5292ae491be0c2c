/**
 * Listings of events, newest first by `(ts, id)`: read backwards in windows that grow, for events are ordered by hour, then by user.
 *
 * The views tell where to begin and where to end: the latest and earliest times of what is asked for.
 */
import { HOUR_MS } from '../domain/limits.js';
import type { EventPosition } from '../questions/cursor.js';
import type { EventsPage } from '../questions/event-json.js';
import {
  ALL,
  all,
  type Condition,
  type EventFilter,
  equal,
  ofApps,
  toCondition,
} from '../questions/filter.js';
import type { TimeRange } from '../store/port.js';
import type { Engine } from './connect.js';
import { EVENT_COLUMNS, type ReadRow, toEvent, withoutRepeats } from './rows.js';
import { beforePlace, daysWithin, within } from './sql.js';

const FIRST_WINDOW_MS = HOUR_MS;
const WINDOW_GROWTH = 24;
/** Rows asked for beyond the page's, for the repeats among them. */
const SPARE_ROWS = 16;

/** What a listing goes by, besides its times. */
export interface Listed extends EventFilter {
  /** An error's group. */
  group?: string;
}

export const newerFirst = (a: EventPosition, b: EventPosition): number => b.ts - a.ts || b.id - a.id;

const conditionOf = ({ group, ...filter }: Listed): Condition =>
  all(toCondition(filter), equal('error_group', 'String', group));

/** The times between which there is anything of what is asked for, as its narrowest view tells; `undefined` for nothing. */
export async function timesOf(
  engine: Engine,
  { apps, user, session }: EventFilter,
  range: Required<TimeRange>,
): Promise<Required<TimeRange> | undefined> {
  if (range.from > range.to) return undefined;
  const view = session !== undefined ? 'sessions' : user !== undefined ? 'users' : 'days';
  const narrow =
    session !== undefined
      ? equal('session_id', 'String', session)
      : user !== undefined
        ? equal('user_id', 'String', user)
        : ALL;
  const { sql, params } = all(daysWithin(range), ofApps(apps), narrow);
  const [row] = await engine.query<{ rows: number; first: number; last: number }>(
    `SELECT count() AS rows, minMerge(first_ts) AS first, maxMerge(last_ts) AS last FROM ${view} WHERE ${sql}`,
    params,
  );
  if (!row || Number(row.rows) === 0) return undefined;
  const times = { from: Math.max(range.from, Number(row.first)), to: Math.min(range.to, Number(row.last)) };
  return times.from > times.to ? undefined : times;
}

/** One page, and whether there is more; `range` begins at the retention fence at the earliest. */
export async function listNewest(
  engine: Engine,
  listed: Listed,
  range: Required<TimeRange>,
  { limit, cursor }: { limit: number; cursor?: EventPosition },
): Promise<Omit<EventsPage, 'head'>> {
  const bounds = { from: range.from, to: Math.min(range.to, cursor?.ts ?? range.to) };
  const times = await timesOf(engine, listed, bounds);
  if (!times) return { events: [] };
  const condition = all(conditionOf(listed), beforePlace(cursor));
  const found: ReadRow[] = [];
  let width = FIRST_WINDOW_MS;
  for (let to = times.to; to >= times.from && found.length <= limit; ) {
    const from = Math.max(times.from, to - width + 1);
    found.push(...(await newestWithin(engine, condition, { from, to }, limit + 1 - found.length)));
    to = from - 1;
    width *= WINDOW_GROWTH;
  }
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return {
    events: page.map(toEvent),
    ...(last && found.length > limit ? { next: { ts: last.ts, id: last.id } } : {}),
  };
}

/** The newest events of a window, repeats taken out: copies of an event have one time, so a time is read to its end. */
async function newestWithin(
  engine: Engine,
  condition: Condition,
  window: Required<TimeRange>,
  wanted: number,
): Promise<ReadRow[]> {
  const { sql, params } = all(condition, within(window));
  for (let rows = wanted + SPARE_ROWS; ; rows *= 4) {
    const read = (
      await engine.query<ReadRow>(
        `SELECT ${EVENT_COLUMNS} FROM events WHERE ${sql} ORDER BY ts DESC, id DESC LIMIT {rows:UInt32}`,
        { ...params, rows },
      )
    ).map((row) => ({ ...row, id: Number(row.id), ts: Number(row.ts) }));
    const isAll = read.length < rows;
    const oldest = read.at(-1)?.ts ?? 0;
    const sure = withoutRepeats(isAll ? read : read.filter(({ ts }) => ts > oldest)).sort(newerFirst);
    if (isAll || sure.length >= wanted) return sure.slice(0, wanted);
  }
}

/** Every event of a range, ascending by `(ts, id)`. */
export async function listAll(
  engine: Engine,
  listed: Listed,
  range: Required<TimeRange>,
): Promise<ReturnType<typeof toEvent>[]> {
  const times = await timesOf(engine, listed, range);
  if (!times) return [];
  const { sql, params } = all(conditionOf(listed), within(times));
  const rows = await engine.query<ReadRow>(`SELECT ${EVENT_COLUMNS} FROM events WHERE ${sql}`, params);
  return withoutRepeats(rows.map((row) => ({ ...row, id: Number(row.id), ts: Number(row.ts) })))
    .sort((a, b) => newerFirst(b, a))
    .map(toEvent);
}
