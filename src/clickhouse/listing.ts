/**
 * Listings of events, newest first by `(ts, id)`. The table is ordered by hour, then by user, so a listing
 * reads backwards in windows that grow, between the earliest and latest time that the views give.
 */
import type { StoredEvent } from '../domain/event.js';
import { HOUR_MS } from '../domain/limits.js';
import type { EventPosition } from '../questions/cursor.js';
import type { EventsPage } from '../questions/event-json.js';
import { all, type Condition, type EventFilter, equal, ofApps, toCondition } from '../questions/filter.js';
import type { Engine } from './connect.js';
import { EVENT_COLUMNS, type ReadRow, toEvent, withoutRepeats } from './rows.js';
import { beforePosition, daysWithin, type Times, within } from './sql.js';

const FIRST_WINDOW_MS = HOUR_MS;
const WINDOW_GROWTH = 24;
/** Rows to read beyond a page's, since some may be copies. */
const SPARE_ROWS = 16;

/** What a listing is filtered by, besides its times. */
export interface Listed extends EventFilter {
  /** An error group's id. */
  group?: string;
}

export const newerFirst = (a: EventPosition, b: EventPosition): number => b.ts - a.ts || b.id - a.id;

const conditionOf = ({ group, ...filter }: Listed): Condition =>
  all(toCondition(filter), equal('error_group', 'String', group));

/** The earliest and latest time of the events, from the narrowest view; `undefined` for none. */
export async function timesOf(
  engine: Engine,
  { apps, user, session }: EventFilter,
  range: Times,
): Promise<Times | undefined> {
  if (range.from > range.to) return undefined;
  const view = session !== undefined ? 'sessions' : user !== undefined ? 'users' : 'days';
  const narrow =
    session !== undefined ? equal('session_id', 'String', session) : equal('user_id', 'String', user);
  const { sql, params } = all(daysWithin(range), ofApps(apps), narrow);
  const [row] = await engine.query<{ rows: number; first: number; last: number }>(
    `SELECT count() AS rows, minMerge(first_ts) AS first, maxMerge(last_ts) AS last FROM ${view} WHERE ${sql}`,
    params,
  );
  if (!row?.rows) return undefined;
  const times = { from: Math.max(range.from, row.first), to: Math.min(range.to, row.last) };
  return times.from > times.to ? undefined : times;
}

/** One page, with the position of the next one; `range` must not begin below the retention fence. */
export async function listNewest(
  engine: Engine,
  listed: Listed,
  range: Times,
  { limit, cursor }: { limit: number; cursor?: EventPosition },
): Promise<Omit<EventsPage, 'head'>> {
  const bounds = { from: range.from, to: Math.min(range.to, cursor?.ts ?? range.to) };
  const times = await timesOf(engine, listed, bounds);
  if (!times) return { events: [] };
  const condition = all(conditionOf(listed), beforePosition(cursor));
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

/** The newest events of a window, without copies: they have one time, so it is read to its end. */
async function newestWithin(
  engine: Engine,
  condition: Condition,
  window: Times,
  wanted: number,
): Promise<ReadRow[]> {
  const { sql, params } = all(condition, within(window));
  for (let rows = wanted + SPARE_ROWS; ; rows *= 4) {
    const read = await engine.query<ReadRow>(
      `SELECT ${EVENT_COLUMNS} FROM events WHERE ${sql} ORDER BY ts DESC, id DESC LIMIT {rows:UInt32}`,
      { ...params, rows },
    );
    const isAll = read.length < rows;
    const oldest = read.at(-1)?.ts ?? 0;
    const sure = withoutRepeats(isAll ? read : read.filter(({ ts }) => ts > oldest)).sort(newerFirst);
    if (isAll || sure.length >= wanted) return sure.slice(0, wanted);
  }
}

/** Every event of a range, ascending by `(ts, id)`. */
export async function listAll(engine: Engine, listed: Listed, range: Times): Promise<StoredEvent[]> {
  const times = await timesOf(engine, listed, range);
  if (!times) return [];
  const { sql, params } = all(conditionOf(listed), within(times));
  const rows = await engine.query<ReadRow>(`SELECT ${EVENT_COLUMNS} FROM events WHERE ${sql}`, params);
  return withoutRepeats(rows)
    .sort((a, b) => newerFirst(b, a))
    .map(toEvent);
}
