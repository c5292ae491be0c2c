/** Listings of users and sessions: states of the views merged over days, latest first. */
import type { Query, SessionRow, TimeRange, UserRow } from '../store/store.js';
import type { Engine } from './connect.js';
import { all, daysWithin, equal } from './sql.js';

export async function listUsers(
  engine: Engine,
  { app, user, limit }: Query<'users'>,
  range: Required<TimeRange>,
): Promise<UserRow[]> {
  const { sql, params } = all(
    daysWithin(range),
    equal('app', 'String', app),
    equal('user_id', 'String', user),
  );
  const rows = await engine.query<
    Omit<UserRow, 'name' | 'email'> & { name_told: string; email_told: string }
  >(
    `SELECT user_id, app, minMerge(first_ts) AS first_seen, maxMerge(last_ts) AS last_seen,
       length(groupUniqArrayMerge(sessions)) AS session_count,
       argMaxIfMerge(told_name) AS name_told, argMaxIfMerge(told_email) AS email_told
     FROM users WHERE ${sql} GROUP BY app, user_id
     ORDER BY last_seen DESC, user_id ASC, app ASC LIMIT {limit:UInt32}`,
    { ...params, limit },
  );
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
  { app, user, limit }: Query<'sessions'>,
  range: Required<TimeRange>,
): Promise<SessionRow[]> {
  const { sql, params } = all(daysWithin(range), equal('app', 'String', app));
  const ofUser =
    user === undefined
      ? ''
      : `AND (app, session_id) GLOBAL IN (
           SELECT app, arrayJoin(groupUniqArrayMerge(sessions)) FROM users WHERE user_id = {user:String} AND ${sql} GROUP BY app)`;
  const rows = await engine.query<Omit<SessionRow, 'chunk_count'>>(
    `SELECT session_id, app, argMaxMerge(last_user) AS user_id, minMerge(first_ts) AS started_at,
       maxMerge(last_ts) AS last_seen, uniqExactMerge(events) AS event_count, uniqExactIfMerge(errors) AS error_count
     FROM sessions WHERE ${sql} ${ofUser} GROUP BY app, session_id
     ORDER BY last_seen DESC, app ASC, session_id ASC LIMIT {limit:UInt32}`,
    { ...params, limit, ...(user === undefined ? {} : { user }) },
  );
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

/** Session ids of a query: as many as the oldest servers take in an address. */
const COUNTED_AT_ONCE = 50;

/** How many chunks sessions have, by app and session; those without any left out. */
async function chunkCounts(
  engine: Engine,
  sessions: readonly { app: string; session_id: string }[],
): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (let at = 0; at < sessions.length; at += COUNTED_AT_ONCE) {
    const ids = sessions.slice(at, at + COUNTED_AT_ONCE).map(({ session_id }) => session_id);
    const rows = await engine.query<{ app: string; session_id: string; count: number }>(
      `SELECT app, session_id, uniqExact(seq) AS count FROM chunks
       WHERE has({ids:Array(String)}, session_id) GROUP BY app, session_id`,
      { ids },
    );
    for (const { app, session_id, count } of rows) found.set(`${app}/${session_id}`, Number(count));
  }
  return found;
}
