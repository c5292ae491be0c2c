/**
 * Listings of users and sessions: states of the views merged over days, latest first.
 *
 * Users of the last few days were seen later than all others, so if recent days have enough rows they decide
 * which rows make the list. Only for those rows all days are merged.
 */
import { DAY_MS } from '../domain/limits.js';
import { dayOf } from '../domain/utc.js';
import { ALL, all, type Condition, equal, ofApps } from '../questions/filter.js';
import type { Ask } from '../questions/index.js';
import type { SessionRow } from '../questions/sessions.js';
import type { UserRow } from '../questions/users.js';
import type { Engine } from './connect.js';
import { timesOf } from './listing.js';
import { daysWithin, type Times } from './sql.js';

/** How many days to try, in this order; then all days. */
const RECENT_DAYS = [2, 32];

/** Lists by more and more days until there are enough rows; `list` gets the condition on days. */
async function byRecentDays<Row>(
  engine: Engine,
  listed: Ask<'users'>,
  range: Times,
  list: (recent: Condition) => Promise<Row[]>,
): Promise<Row[]> {
  // A user has few rows.
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

export async function listUsers(engine: Engine, ask: Ask<'users'>, range: Times): Promise<UserRow[]> {
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
    ...row,
    // A stored name begins with `=`, so that an empty name differs from no name.
    ...(name_told && { name: name_told.slice(1) }),
    ...(email_told && { email: email_told.slice(1) }),
  }));
}

export async function listSessions(
  engine: Engine,
  ask: Ask<'sessions'>,
  range: Times,
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
  return rows.map((row) => ({ ...row, chunk_count: chunks.get(`${row.app}/${row.session_id}`) ?? 0 }));
}

/** How many chunks sessions have, by `app/session_id`; sessions without chunks are left out. */
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
  return new Map(rows.map(({ app, session_id, count }) => [`${app}/${session_id}`, count]));
}
