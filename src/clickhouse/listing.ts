/**
 * Listings of events, newest first by `(ts, id)`. The table is ordered by hour, then by user, so a listing
 * reads backwards in windows that grow, between the earliest and latest time that the views give.
 */
import type { JsonText, StoredEvent } from '../domain/event.js';
import { HOUR_MS } from '../domain/limits.js';
import { ANSWER_BOUNDS, eventBytes, eventBytesAtMost, openRows } from '../questions/bounds.js';
import type { EventPosition } from '../questions/cursor.js';
import type { EventsPage } from '../questions/event-json.js';
import { all, type Condition, type EventFilter, equal, ofApps, toCondition } from '../questions/filter.js';
import type { Engine } from './connect.js';
import {
  hasLongProps,
  LISTED_COLUMNS,
  type ListedRow,
  shortEvent,
  textBytes,
  withoutRepeats,
} from './rows.js';
import { beforePosition, daysWithin, type Times, within } from './sql.js';

/** `,"props":` */
const PROPS_MEMBER_BYTES = 9;
const NO_TEXTS = 'id, ts, batch, idx';
const FIRST_WINDOW_MS = HOUR_MS;
const WINDOW_GROWTH = 24;
/** What this process holds of a statement's rows: a page's, several times over. */
const READ_BYTES_MAX = String(64 * 1_048_576);
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
  const found: ListedRow[] = [];
  let width = FIRST_WINDOW_MS;
  for (let to = times.to; to >= times.from && found.length <= limit; ) {
    const from = Math.max(times.from, to - width + 1);
    found.push(...(await newestWithin(engine, condition, { from, to }, limit + 1 - found.length)));
    to = from - 1;
    width *= WINDOW_GROWTH;
  }
  const page = openPage(ANSWER_BOUNDS.bytes);
  const isWhole = found.slice(0, limit).every(page.add) && found.length <= limit;
  const last = page.rows.at(-1);
  return {
    events: await eventsOf(engine, page.rows),
    ...(last === undefined || isWhole ? {} : { next: { ts: last.ts, id: last.id } }),
  };
}

/** Takes rows while their events have room. */
const openPage = (bytesMax: number) =>
  openRows<ListedRow>(
    bytesMax,
    (row) => eventBytes(shortEvent(row)) + longBytes(row),
    (row) => eventBytesAtMost(shortEvent(row)) + longBytes(row),
  );

const isAsked = (row: ListedRow): boolean => hasLongProps(row) && row.props_bytes <= ANSWER_BOUNDS.propsBytes;

/** What long props add to an event. */
const longBytes = (row: ListedRow): number => (isAsked(row) ? row.props_bytes + PROPS_MEMBER_BYTES : 0);

/** The events of rows, with the long props that an answer may have. */
async function eventsOf(engine: Engine, rows: readonly ListedRow[]): Promise<StoredEvent[]> {
  const long = rows.filter(isAsked);
  if (long.length === 0) return rows.map(shortEvent);
  const times = long.map(({ ts }) => ts);
  const { sql, params } = within({ from: Math.min(...times), to: Math.max(...times) });
  const found = await engine.query<{ id: number; props: JsonText }>(
    `SELECT id, props FROM events WHERE ${sql} AND id IN (SELECT arrayJoin({ids:Array(UInt64)}))`,
    { ...params, ids: long.map(({ id }) => id) },
  );
  const props = new Map(found.map((row) => [row.id, row.props]));
  return rows.map((row) => {
    const text = props.get(row.id);
    return text === undefined ? shortEvent(row) : { ...shortEvent(row), props: text };
  });
}

/** The newest events of a window, without copies: they have one time, so it is read to its end. */
async function newestWithin(
  engine: Engine,
  condition: Condition,
  window: Times,
  wanted: number,
): Promise<ListedRow[]> {
  const { sql, params } = all(condition, within(window));
  for (let rows = wanted + SPARE_ROWS; ; rows *= 4) {
    const read = await engine.query<ListedRow>(
      `SELECT ${LISTED_COLUMNS} FROM events WHERE ${sql} ORDER BY ts DESC, id DESC LIMIT {rows:UInt32}`,
      { ...params, rows },
      { max_result_bytes: READ_BYTES_MAX },
    );
    const isAll = read.length < rows;
    const oldest = read.at(-1)?.ts ?? 0;
    const sure = withoutRepeats(isAll ? read : read.filter(({ ts }) => ts > oldest)).sort(newerFirst);
    if (isAll || sure.length >= wanted) return sure.slice(0, wanted);
  }
}

/** Events around an incident that are looked at; of more only the nearest. */
const AROUND_ROWS_MAX = 20_000;

/** The events of a session around an incident of so many bytes, the nearest that have room in `bytesMax`, ascending. */
export async function listAround(
  engine: Engine,
  { id, ts: moment, app, session_id }: StoredEvent,
  range: Times,
  { ownBytes, bytesMax }: { ownBytes: number; bytesMax: number },
): Promise<{ events: StoredEvent[]; isCut: boolean }> {
  const listed = { apps: [app], session: session_id };
  const times = await timesOf(engine, listed, range);
  if (!times) return { events: [], isCut: false };
  const { sql, params } = all(conditionOf(listed), within(times));
  const apart = (column: string, from: string): string =>
    `if(${column} > {${from}:UInt64}, ${column} - {${from}:UInt64}, {${from}:UInt64} - ${column})`;
  // The incident first, so that it is always among them. Of two that are as far, the earlier id.
  const nearest = <Row>(columns: string, rows: number): Promise<Row[]> =>
    engine.query<Row>(
      `SELECT ${columns} FROM events WHERE ${sql}
       ORDER BY id = {incident:UInt64} DESC, ${apart('ts', 'moment')} ASC, id > {incident:UInt64} ASC,
         ${apart('id', 'incident')} ASC LIMIT {rows:UInt32}`,
      { ...params, incident: id, moment, rows },
    );
  // First how large they are.
  const sizes = await nearest<Sized>(
    `${NO_TEXTS}, ${textBytes(ANSWER_BOUNDS.propsBytes)} AS text_bytes`,
    AROUND_ROWS_MAX + 1,
  );
  // The incident has room a second time, or comes without its props.
  const fitting = countFitting(sizes.slice(0, AROUND_ROWS_MAX), bytesMax);
  const page = openPage(bytesMax);
  const [own, ...others] = withoutRepeats(await nearest<ListedRow>(LISTED_COLUMNS, fitting));
  if (own) page.add(ownBytes > bytesMax ? withoutItsProps(own) : own);
  const areAll = others.every(page.add);
  const events = (await eventsOf(engine, page.rows)).sort((a, b) => newerFirst(b, a));
  return { events, isCut: !areAll || fitting < sizes.length };
}

interface Sized {
  id: number;
  batch: string;
  idx: number;
  text_bytes: number;
}

/** How many rows to read so that all that have room are among them; the first one, and copies, count for nothing. */
function countFitting(rows: readonly Sized[], bytesMax: number): number {
  const seen = new Set<string>();
  let bytes = 0;
  for (const [at, { batch, idx, text_bytes }] of rows.entries()) {
    const identity = `${batch}/${idx}`;
    if (at > 0 && !seen.has(identity)) bytes += text_bytes;
    if (bytes > bytesMax) return at;
    seen.add(identity);
  }
  return rows.length;
}

const withoutItsProps = (row: ListedRow): ListedRow => ({
  ...row,
  short_props: null,
  props_bytes: ANSWER_BOUNDS.propsBytes + 1,
});
