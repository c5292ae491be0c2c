/**
 * Listings of users and sessions: states of the views merged over days, latest first.
 *
 * Which rows make the list is told by the days since a recent one, where that is enough of them: whoever was seen since then was seen
 * later than all others. Only of those that make it the states are merged.
 */
import { DAY_MS } from '../domain/limits.js';
import { dayOf } from '../domain/utc.js';
import { ALL, all, type Condition, equal, ofApps } from '../questions/filter.js';
import type { Ask } from '../questions/index.js';
import type { SessionRow } from '../questions/sessions.js';
import type { UserRow } from '../questions/users.js';
import type { TimeRange } from '../store/port.js';
import type { Engine } from './connect.js';
import { timesOf } from './listing.js';
import { daysWithin } from './sql.js';

/** Days looked at first, then next; at last all. */
const RECENT_DAYS = [2, 32];

/** Lists by ever more days, until they have enough; `list` is given what narrows the rows that make the list. */
async function byRecentDays<Row>(
  engine: Engine,
  listed: Ask<'users'>,
  range: Required<TimeRange>,
  list: (recent: Condition) => Promise<Row[]>,
): Promise<Row[]> {
  // One user's rows are few.
  if (listed.user !== undefined) return list(ALL);
  const times = await timesOf(engine, listed, range);
  if (!times) return [];
  for (const days of RECENT_DAYS) {
    const from = times.to - days * DAY_MS;
    if (from <= times.from) break;
    const rows = await list({ sql: 'day >= {recent_day:UInt32}', params: { recent_day: dayOf(from) } });
    if (rows.length >= listed.limit) return rows;
  }
  return list(ALL);
}

export async function listUsers(
  engine: Engine,
  ask: Ask<'users'>,
  range: Required<TimeRange>,
): Promise<UserRow[]> {
  const { apps, user, limit } = ask;
  const condition = all(daysWithin(range), ofApps(apps), equal('user_id', 'String', user));
  const rows = await byRecentDays(engine, ask, range, (recent) => {
    const latest = all(condition, recent);
    return engine.query<Omit<UserRow, 'name' | 'email'> & { name_told: string; email_told: string }>(
      `SELECT user_id, app, minMerge(first_ts) AS first_seen, maxMerge(last_ts) AS last_seen,
         length(groupUniqArrayMerge(sessions)) AS session_count,
         argMaxIfMerge(told_name) AS name_told, argMaxIfMerge(told_email) AS email_told
       FROM users WHERE ${condition.sql} AND (app, user_id) GLOBAL IN (
         SELECT app, user_id FROM users WHERE ${latest.sql} GROUP BY app, user_id
         ORDER BY maxMerge(last_ts) DESC, user_id ASC, app ASC LIMIT {limit:UInt32}
       ) GROUP BY app, user_id ORDER BY last_seen DESC, user_id ASC, app ASC LIMIT {limit:UInt32}`,
      { ...latest.params, limit },
    );
  });
  return rows.map(({ name_told, email_told, ...row }) => ({
    user_id: row.user_id,
    app: row.app,
    first_seen: Number(row.first_seen),
    last_seen: Number(row.last_seen),
    session_count: Number(row.session_count),
    // What was told begins with `=`, so that an empty name is not the same as none.
    ...(name_told === '' ? {} : { name: name_told.slice(1) }),
    ...(email_told === '' ? {} : { email: email_told.slice(1) }),
  }));
}

export async function listSessions(
  engine: Engine,
  ask: Ask<'sessions'>,
  range: Required<TimeRange>,
): Promise<SessionRow[]> {
  const { apps, user, limit } = ask;
  const condition = all(daysWithin(range), ofApps(apps));
  const ofUser: Condition =
    user === undefined
      ? ALL
      : {
          sql: `(app, session_id) GLOBAL IN (SELECT app, arrayJoin(groupUniqArrayMerge(sessions)) FROM users
            WHERE user_id = {user:String} AND ${condition.sql} GROUP BY app)`,
          params: { user },
        };
  const rows = await byRecentDays(engine, ask, range, (recent) => {
    const latest = all(condition, ofUser, recent);
    return engine.query<Omit<SessionRow, 'chunk_count'>>(
      `SELECT session_id, app, argMaxMerge(last_user) AS user_id, minMerge(first_ts) AS started_at,
         maxMerge(last_ts) AS last_seen, uniqExactMerge(events) AS event_count,
         uniqExactIfMerge(errors) AS error_count
       FROM sessions WHERE ${condition.sql} AND (app, session_id) GLOBAL IN (
         SELECT app, session_id FROM sessions WHERE ${latest.sql} GROUP BY app, session_id
         ORDER BY maxMerge(last_ts) DESC, app ASC, session_id ASC LIMIT {limit:UInt32}
       ) GROUP BY app, session_id ORDER BY last_seen DESC, app ASC, session_id ASC LIMIT {limit:UInt32}`,
      { ...latest.params, limit },
    );
  });
  const chunks = await chunkCounts(engine, rows);
  return rows.map((row) => ({
    session_id: row.session_id,
    app: row.app,
    user_id: row.user_id,
    started_at: Number(row.started_at),
    last_seen: Number(row.last_seen),
    event_count: Number(row.event_count),
    error_count: Number(row.error_count),
    chunk_count: chunks.get(`${row.app}/${row.session_id}`) ?? 0,
  }));
}

/** How many chunks sessions have, by app and session; those without any left out. */
async function chunkCounts(
  engine: Engine,
  sessions: readonly { app: string; session_id: string }[],
): Promise<Map<string, number>> {
  if (sessions.length === 0) return new Map();
  const rows = await engine.query<{ app: string; session_id: string; count: number }>(
    `SELECT app, session_id, uniqExact(seq) AS count FROM chunks
     WHERE session_id IN (SELECT arrayJoin({ids:Array(String)})) GROUP BY app, session_id`,
    { ids: sessions.map(({ session_id }) => session_id) },
  );
  return new Map(rows.map(({ app, session_id, count }) => [`${app}/${session_id}`, Number(count)]));
}
