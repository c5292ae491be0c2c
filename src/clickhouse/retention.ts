/**
 * Deletes from the engine: events and chunks by age, and everything about one user.
 *
 * A sweep first writes the fence, where reads begin from then on; then it deletes rows with one mutation a
 * table. Days below the fence are whole rows of the views. An erasure folds the days that it touched again;
 * folding a row twice changes nothing, so it is safe while other collectors store events.
 */
import { DAY_MS, SEEN_MS } from '../domain/limits.js';
import { dayOf, hourOf } from '../domain/utc.js';
import { all, equal } from '../questions/filter.js';
import type { EraseReport, Erasure } from '../store/port.js';
import type { Engine, Params } from './connect.js';
import { leastIdAt } from './ids.js';
import { foldOf, localTable } from './migrations.js';
import { queryNumber } from './sql.js';

/** Views whose rows summarise all events of a day. */
const SUMMED = ['sessions', 'days', 'names'] as const;
/** Per statement; parameters are part of the URL, whose length the oldest servers limit. */
const SESSIONS_AT_ONCE = 50;
const DAYS_AT_ONCE = 500;
/** Session ids read at once. */
const SESSIONS_PAGE = 5_000;
/** What deletes counts first, and over everything: that takes longer than a read may. */
const PATIENT = { max_execution_time: 600 };

export const deleteFrom = (engine: Engine, table: string, condition: string, params: Params): Promise<void> =>
  engine.everywhere(
    (on) => `ALTER TABLE ${engine.database}.${localTable(engine, table)} ${on} DELETE WHERE ${condition}`,
    params,
  );

/** Deletes below the fence, which must be written already; returns how many events, and their greatest id. */
export async function deleteBelow(
  engine: Engine,
  fence: number,
): Promise<{ events: number; newest: number }> {
  const params = { hour: hourOf(fence), day: dayOf(fence) };
  const [row] = await engine.query<{ events: number; newest: number }>(
    'SELECT uniqExact(batch, idx) AS events, max(id) AS newest FROM events WHERE hour < {hour:UInt32}',
    params,
    PATIENT,
  );
  if (!row?.events) return { events: 0, newest: 0 };
  for (const table of ['users', ...SUMMED]) await deleteFrom(engine, table, 'day < {day:UInt32}', params);
  // The events last: a sweep that was interrupted still finds them, and continues.
  for (const table of ['arrivals', 'events']) await deleteFrom(engine, table, 'hour < {hour:UInt32}', params);
  return row;
}

/** Deletes chunks received before a time, Unix ms; returns how many. */
export async function deleteChunks(engine: Engine, before: number): Promise<number> {
  const chunks = await queryNumber(
    engine,
    `SELECT count() FROM (
       SELECT app, session_id, seq, argMax(received_at, version) AS received FROM chunks GROUP BY app, session_id, seq
     ) WHERE received < {before:UInt64}`,
    { before },
    PATIENT,
  );
  if (chunks > 0) await deleteFrom(engine, 'chunks', 'received_at < {before:UInt64}', { before });
  return chunks;
}

/** Deletes the `batch_id`s and placements that no retry can ask for any more. */
export async function forgetRetries(engine: Engine, fence: number, now: number): Promise<void> {
  const expired = now - SEEN_MS - DAY_MS;
  // A batch_id stays until its events are gone: a later batch with that id needs the next generation.
  await deleteAny(engine, 'batches', 'received_at', Math.min(fence - DAY_MS, expired));
  await deleteAny(engine, 'placed', 'id', leastIdAt(expired));
}

/** Deletes the rows below a bound, if any: a mutation without rows costs, too. */
export async function deleteAny(engine: Engine, table: string, column: string, bound: number): Promise<void> {
  const condition = `${column} < {bound:UInt64}`;
  const params = { bound: Math.max(0, bound) };
  const counting = `SELECT count() FROM ${table} WHERE ${condition}`;
  const rows = await queryNumber(engine, counting, params, PATIENT);
  if (rows > 0) await deleteFrom(engine, table, condition, params);
}

/**
 * Erases a user's events, replays, and part in every view. The rows in `users` say what to do and are deleted
 * last, so a repeated erasure finishes one that was interrupted.
 */
export async function eraseUser(
  engine: Engine,
  { user, app }: Erasure,
): Promise<Pick<EraseReport, 'events' | 'sessions' | 'chunks'>> {
  const ofUser = all(equal('user_id', 'String', user), equal('app', 'String', app));
  const parts = await engine.query<{ app: string; days: number[]; session_count: number }>(
    `SELECT app, groupUniqArray(day) AS days, length(groupUniqArrayMerge(sessions)) AS session_count
     FROM users WHERE ${ofUser.sql} GROUP BY app`,
    ofUser.params,
    PATIENT,
  );
  const counting = `SELECT uniqExact(batch, idx) FROM events WHERE ${ofUser.sql}`;
  const events = await queryNumber(engine, counting, ofUser.params, PATIENT);
  for (const table of ['arrivals', 'events']) await deleteFrom(engine, table, ofUser.sql, ofUser.params);
  let chunks = 0;
  for (const part of parts) {
    for (let at = 0; at < part.days.length; at += DAYS_AT_ONCE)
      await foldAgain(engine, part.app, part.days.slice(at, at + DAYS_AT_ONCE));
    chunks += await deleteChunksOf(engine, part.app, user);
  }
  await deleteFrom(engine, 'users', ofUser.sql, ofUser.params);
  return { events, sessions: parts.reduce((sum, { session_count }) => sum + session_count, 0), chunks };
}

/** Folds an app's days again from the events that are left. */
async function foldAgain(engine: Engine, app: string, days: readonly number[]): Promise<void> {
  const params = { app, days };
  for (const table of SUMMED) {
    await deleteFrom(engine, table, 'app = {app:String} AND has({days:Array(UInt32)}, day)', params);
    const condition = 'app = {app:String} AND has({days:Array(UInt32)}, intDiv(hour, 24))';
    await engine.command(`INSERT INTO ${table} ${foldOf(table, 'events', condition)}`, params);
  }
}

/** Deletes the chunks of a user's sessions; returns how many. */
async function deleteChunksOf(engine: Engine, app: string, user: string): Promise<number> {
  let deleted = 0;
  for (let after = ''; ; ) {
    const page = await engine.query<{ session_id: string }>(
      `SELECT DISTINCT session_id FROM chunks
       WHERE app = {app:String} AND session_id > {after:String} AND session_id GLOBAL IN (
         SELECT arrayJoin(groupUniqArrayMerge(sessions)) FROM users WHERE app = {app:String} AND user_id = {user:String}
       ) ORDER BY session_id ASC LIMIT {rows:UInt32}`,
      { app, user, after, rows: SESSIONS_PAGE },
      PATIENT,
    );
    for (let at = 0; at < page.length; at += SESSIONS_AT_ONCE) {
      const condition = 'app = {app:String} AND has({ids:Array(String)}, session_id)';
      const params = { app, ids: page.slice(at, at + SESSIONS_AT_ONCE).map(({ session_id }) => session_id) };
      const counting = `SELECT uniqExact(session_id, seq) FROM chunks WHERE ${condition}`;
      deleted += await queryNumber(engine, counting, params, PATIENT);
      await deleteFrom(engine, 'chunks', condition, params);
    }
    const last = page.at(-1);
    if (last === undefined || page.length < SESSIONS_PAGE) return deleted;
    after = last.session_id;
  }
}
