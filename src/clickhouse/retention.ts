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
/** Session ids per statement; parameters are part of the URL, whose length the oldest servers limit. */
const SESSIONS_AT_ONCE = 50;

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
async function deleteAny(engine: Engine, table: string, column: string, bound: number): Promise<void> {
  const condition = `${column} < {bound:UInt64}`;
  const params = { bound: Math.max(0, bound) };
  const rows = await queryNumber(engine, `SELECT count() FROM ${table} WHERE ${condition}`, params);
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
  const parts = await engine.query<{ app: string; days: number[]; sessions: string[] }>(
    `SELECT app, groupUniqArray(day) AS days, groupUniqArrayMerge(sessions) AS sessions
     FROM users WHERE ${ofUser.sql} GROUP BY app`,
    ofUser.params,
  );
  const counting = `SELECT uniqExact(batch, idx) FROM events WHERE ${ofUser.sql}`;
  const events = await queryNumber(engine, counting, ofUser.params);
  for (const table of ['arrivals', 'events']) await deleteFrom(engine, table, ofUser.sql, ofUser.params);
  let chunks = 0;
  for (const part of parts) {
    await foldAgain(engine, part.app, part.days);
    chunks += await deleteChunksOf(engine, part.app, part.sessions);
  }
  await deleteFrom(engine, 'users', ofUser.sql, ofUser.params);
  return { events, sessions: parts.reduce((sum, { sessions }) => sum + sessions.length, 0), chunks };
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

async function deleteChunksOf(engine: Engine, app: string, sessions: readonly string[]): Promise<number> {
  let deleted = 0;
  for (let at = 0; at < sessions.length; at += SESSIONS_AT_ONCE) {
    const condition = 'app = {app:String} AND has({ids:Array(String)}, session_id)';
    const params = { app, ids: sessions.slice(at, at + SESSIONS_AT_ONCE) };
    const counting = `SELECT uniqExact(session_id, seq) FROM chunks WHERE ${condition}`;
    const count = await queryNumber(engine, counting, params);
    if (count > 0) await deleteFrom(engine, 'chunks', condition, params);
    deleted += count;
  }
  return deleted;
}
