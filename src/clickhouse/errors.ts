/** Reads of errors: their groups, and the incidents before and after one. */
import { frameOf } from '../domain/error-grouping.js';
import type { StoredEvent } from '../domain/event.js';
import { dayName } from '../domain/utc.js';
import {
  ANSWER_BOUNDS,
  BY_DAY_BYTES,
  dayBytes,
  daysMax,
  FRAME_BYTES,
  fitDays,
  jsonBytes,
  openRows,
} from '../questions/bounds.js';
import type { EventPosition } from '../questions/cursor.js';
import type { ErrorGroupRow } from '../questions/errors.js';
import { all, type Condition, equal, ofApps, toCondition } from '../questions/filter.js';
import type { Neighbours } from '../questions/incident.js';
import type { Ask, Found } from '../questions/index.js';
import type { CountedDay } from '../questions/shapes.js';
import type { Engine } from './connect.js';
import { type Listed, listNewest } from './listing.js';
import { ERROR, groupId } from './rows.js';
import { type Times, within } from './sql.js';

interface GroupRow extends Omit<ErrorGroupRow, 'group' | 'by_day'> {
  error_group: string;
  frame: string;
}

/** Each error once, with the least id of its identity. */
const once = ({ sql }: Condition): string => `
  SELECT error_group, batch, idx, min(id) AS least_id, argMin(ts, id) AS its_ts, any(app) AS its_app,
    any(user_id) AS its_user, any(name) AS its_name, any(frame) AS its_frame
  FROM events WHERE type = ${ERROR} AND ${sql} GROUP BY error_group, batch, idx`;

export async function listGroups(
  engine: Engine,
  { apps, group, limit }: Ask<'errors'>,
  range: Times,
): Promise<Found<'errors'>> {
  if (range.from > range.to) return { groups: [] };
  const condition = all(within(range), ofApps(apps), equal('error_group', 'String', group));
  const found = await engine.query<GroupRow>(
    `SELECT error_group, any(its_app) AS app, any(its_name) AS name, any(its_frame) AS frame, count() AS count,
       uniqExact(its_user) AS user_count, min(its_ts) AS first_seen, max(its_ts) AS last_seen,
       argMax(least_id, (its_ts, least_id)) AS last_event_id
     FROM (${once(condition)}) GROUP BY error_group
     ORDER BY count DESC, last_seen DESC, last_event_id DESC LIMIT {limit:UInt32}`,
    { ...condition.params, limit },
  );
  const days = await daysOf(engine, condition, found);
  const rows = openRows<ErrorGroupRow>(
    ANSWER_BOUNDS.bytes,
    ({ by_day, ...row }) => jsonBytes(row) + BY_DAY_BYTES,
  );
  const areAll = found.every(({ error_group, frame, ...row }) =>
    rows.add({
      group: error_group,
      ...row,
      ...(frame && { frame }),
      by_day: days.get(error_group) ?? [],
    }),
  );
  const lists = rows.rows.map(({ by_day }) => by_day);
  const isCut = fitDays(lists, ANSWER_BOUNDS.bytes - FRAME_BYTES - rows.bytes(), dayBytes);
  const groups = rows.rows.map((row, at) => {
    // Days were read for all groups together: of one whose days are older there may be none.
    const isWhole = !isCut[at] && row.by_day.reduce((sum, { count }) => sum + count, 0) >= row.count;
    return isWhole ? row : { ...row, truncated: true as const };
  });
  const isWhole = areAll && !groups.some(({ truncated }) => truncated);
  return { groups, ...(isWhole ? {} : { truncated: true }) };
}

/** The latest days of groups, ascending: as many as any answer has room for, and one. */
async function daysOf(
  engine: Engine,
  condition: Condition,
  groups: readonly GroupRow[],
): Promise<Map<string, CountedDay[]>> {
  const days = new Map(groups.map(({ error_group }) => [error_group, [] as CountedDay[]]));
  if (groups.length === 0) return days;
  const rows = await engine.query<{ error_group: string; day: number; count: number }>(
    `SELECT error_group, intDiv(its_ts, 86400000) AS day, count() AS count FROM (${once(condition)})
     WHERE error_group IN (SELECT arrayJoin({groups:Array(String)}))
     GROUP BY error_group, day ORDER BY day DESC LIMIT {days:UInt32}`,
    { ...condition.params, groups: [...days.keys()], days: daysMax(ANSWER_BOUNDS) + 1 },
  );
  for (const { error_group, day, count } of rows.reverse())
    days.get(error_group)?.push({ day: dayName(day), count });
  return days;
}

/** The incidents before and after one, in its error group, or among its app's events of its type. */
export async function neighboursOf(
  engine: Engine,
  { id, ts, app, type, name, props, truncated }: StoredEvent,
  range: Times,
): Promise<Neighbours> {
  // Its group is not known without its stack.
  if (type === 'error' && truncated) return {};
  const group = type === 'error' ? groupId(app, name, frameOf(props)) : undefined;
  const listed: Listed = { apps: [app], type, ...(group === undefined ? {} : { group }) };
  const { events } = await listNewest(engine, listed, range, { limit: 1, cursor: { ts, id } });
  const [previous] = events;
  const next = await firstAfter(engine, listed, { ts, id }, range);
  return {
    ...(group === undefined ? {} : { group }),
    ...(previous === undefined ? {} : { previous: previous.id }),
    ...(next === undefined ? {} : { next }),
  };
}

async function firstAfter(
  engine: Engine,
  { group, ...filter }: Listed,
  position: EventPosition,
  range: Times,
): Promise<number | undefined> {
  const { sql, params } = all(
    within({ from: position.ts, to: range.to }),
    toCondition(filter),
    equal('error_group', 'String', group),
  );
  const [row] = await engine.query<{ next: number }>(
    `SELECT least_id AS next FROM (
       SELECT batch, idx, min(id) AS least_id, argMin(ts, id) AS its_ts FROM events WHERE ${sql} GROUP BY batch, idx
     ) WHERE its_ts > {after_ts:UInt64} OR (its_ts = {after_ts:UInt64} AND least_id > {after_id:UInt64})
     ORDER BY its_ts ASC, least_id ASC LIMIT 1`,
    { ...params, after_ts: position.ts, after_id: position.id },
  );
  return row?.next;
}
