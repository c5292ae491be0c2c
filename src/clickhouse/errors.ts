/** Reads of errors: their groups, and the incidents before and after one. */
import { frameOf } from '../domain/error-grouping.js';
import type { StoredEvent } from '../domain/event.js';
import { dayName } from '../domain/utc.js';
import type { EventPosition } from '../questions/cursor.js';
import type { ErrorGroupRow } from '../questions/errors.js';
import { all, type Condition, equal, ofApps, toCondition } from '../questions/filter.js';
import type { Neighbours } from '../questions/incident.js';
import type { Ask } from '../questions/index.js';
import type { CountedDay } from '../questions/shapes.js';
import type { Engine } from './connect.js';
import { type Listed, listNewest } from './listing.js';
import { ERROR, groupId } from './rows.js';
import { type Times, within } from './sql.js';

interface GroupRow extends Omit<ErrorGroupRow, 'group' | 'by_day'> {
  error_group: string;
  frame: string;
  /** Of each error. */
  days: number[];
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
): Promise<ErrorGroupRow[]> {
  if (range.from > range.to) return [];
  const condition = all(within(range), ofApps(apps), equal('error_group', 'String', group));
  const rows = await engine.query<GroupRow>(
    `SELECT error_group, any(its_app) AS app, any(its_name) AS name, any(its_frame) AS frame, count() AS count,
       uniqExact(its_user) AS user_count, min(its_ts) AS first_seen, max(its_ts) AS last_seen,
       argMax(least_id, (its_ts, least_id)) AS last_event_id, groupArray(intDiv(its_ts, 86400000)) AS days
     FROM (${once(condition)}) GROUP BY error_group
     ORDER BY count DESC, last_seen DESC, last_event_id DESC LIMIT {limit:UInt32}`,
    { ...condition.params, limit },
  );
  return rows.map(({ error_group, app, name, frame, days, ...counts }) => ({
    group: error_group,
    app,
    name,
    ...(frame && { frame }),
    ...counts,
    by_day: countDays(days),
  }));
}

function countDays(days: readonly number[]): CountedDay[] {
  const counts = new Map<number, number>();
  for (const day of days) counts.set(day, (counts.get(day) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => a - b).map(([day, count]) => ({ day: dayName(day), count }));
}

/** The incidents before and after one, in its error group, or among its app's events of its type. */
export async function neighboursOf(
  engine: Engine,
  { id, ts, app, type, name, props }: StoredEvent,
  range: Times,
): Promise<Neighbours> {
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
