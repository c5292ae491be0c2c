/**
 * What is taken out of the engine: by age, and a user altogether.
 *
 * A sweep first writes the fence, and reads begin there from then on; then rows go, a mutation a table. Days below the fence are
 * whole rows of the views. An erasure folds the days and sessions it touched anew: folding a row twice changes nothing, so that it is
 * safe beside collectors that store.
 */
import { DAY_MS, SEEN_MS } from '../domain/limits.js';
import { dayOf, hourOf } from '../domain/utc.js';
import { all, equal } from '../questions/filter.js';
import type { EraseReport, Erasure } from '../store/port.js';
import type { Engine, Params } from './connect.js';
import { leastIdAt } from './ids.js';
import { foldOf, localTable } from './migrations.js';

/** Views that hold of a day what all its events come to. */
const SUMMED = ['sessions', 'days', 'names'] as const;
/** Session ids of a statement: as many as the oldest servers take in an address. */
const SESSIONS_AT_ONCE = 50;

const deleteFrom = (engine: Engine, table: string, condition: string, params: Params): Promise<void> =>
  engine.everywhere(
    (on) => `ALTER TABLE ${engine.database}.${localTable(engine, table)} ${on} DELETE WHERE ${condition}`,
    params,
  );

/** Deletes what lies below the fence, which is written already; tells how many events, and the greatest id among them. */
export async function deleteBelow(
  engine: Engine,
  fence: number,
): Promise<{ events: number; newest: number }> {
  const params = { hour: hourOf(fence), day: dayOf(fence) };
  const [row] = await engine.query<{ events: number; newest: number }>(
    'SELECT uniqExact(batch, idx) AS events, max(id) AS newest FROM events WHERE hour < {hour:UInt32}',
    params,
  );
  const events = Number(row?.events ?? 0);
  if (events === 0) return { events: 0, newest: 0 };
  for (const table of ['users', ...SUMMED]) await deleteFrom(engine, table, 'day < {day:UInt32}', params);
  // The events last: a sweep that was cut off finds some, and goes on.
  for (const table of ['arrivals', 'events']) await deleteFrom(engine, table, 'hour < {hour:UInt32}', params);
  return { events, newest: Number(row?.newest ?? 0) };
}

/** Deletes chunks received before a time; tells how many there were. */
export async function deleteChunks(engine: Engine, before: number): Promise<number> {
  const [row] = await engine.query<{ chunks: number }>(
    `SELECT count() AS chunks FROM (
       SELECT app, session_id, seq, argMax(received_at, version) AS received FROM chunks GROUP BY app, session_id, seq
     ) WHERE received < {before:UInt64}`,
    { before },
  );
  const chunks = Number(row?.chunks ?? 0);
  if (chunks > 0) await deleteFrom(engine, 'chunks', 'received_at < {before:UInt64}', { before });
  return chunks;
}

/**
 * Forgets batches that no event is left of. An id is remembered longer than the seven days it keeps a retry out, for its generation is
 * what tells a later batch of the same id from it.
 */
export async function forgetBatches(engine: Engine, fence: number, now: number): Promise<void> {
  const before = Math.min(fence, now - SEEN_MS) - DAY_MS;
  if (before <= 0) return;
  const condition = 'received_at < {before:UInt64}';
  const [row] = await engine.query<{ rows: number }>(
    `SELECT count() AS rows FROM batches WHERE ${condition}`,
    { before },
  );
  if (Number(row?.rows ?? 0) > 0) await deleteFrom(engine, 'batches', condition, { before });
}

/** Forgets where events were placed that no retry can ask for any more. */
export async function forgetPlaced(engine: Engine, now: number): Promise<void> {
  const before = leastIdAt(now - SEEN_MS - DAY_MS);
  const condition = 'id < {before:UInt64}';
  const [row] = await engine.query<{ rows: number }>(
    `SELECT count() AS rows FROM placed WHERE ${condition}`,
    { before },
  );
  if (Number(row?.rows ?? 0) > 0) await deleteFrom(engine, 'placed', condition, { before });
}

/**
 * Takes a user out: events, the replays of their sessions, and the user's part in every view. Their rows in `users` tell what there is to
 * do and go last, so that an erasure that was cut off is done by asking for it again.
 */
export async function eraseUser(
  engine: Engine,
  { user, app }: Erasure,
): Promise<Omit<EraseReport, 'bytesBefore' | 'bytesAfter'>> {
  const ofUser = all(equal('user_id', 'String', user), equal('app', 'String', app));
  const places = await engine.query<{ app: string; days: number[]; sessions: string[] }>(
    `SELECT app, groupUniqArray(day) AS days, groupUniqArrayMerge(sessions) AS sessions
     FROM users WHERE ${ofUser.sql} GROUP BY app`,
    ofUser.params,
  );
  const [counted] = await engine.query<{ events: number }>(
    `SELECT uniqExact(batch, idx) AS events FROM events WHERE ${ofUser.sql}`,
    ofUser.params,
  );
  for (const table of ['arrivals', 'events']) await deleteFrom(engine, table, ofUser.sql, ofUser.params);
  let chunks = 0;
  for (const place of places) {
    await foldAnew(engine, place.app, place.days.map(Number));
    chunks += await deleteChunksOf(engine, place.app, place.sessions);
  }
  await deleteFrom(engine, 'users', ofUser.sql, ofUser.params);
  return {
    events: Number(counted?.events ?? 0),
    sessions: places.reduce((sum, { sessions }) => sum + sessions.length, 0),
    chunks,
  };
}

/** Folds an app's days again from the events that are left. */
async function foldAnew(engine: Engine, app: string, days: readonly number[]): Promise<void> {
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
    const [row] = await engine.query<{ count: number }>(
      `SELECT uniqExact(session_id, seq) AS count FROM chunks WHERE ${condition}`,
      params,
    );
    const count = Number(row?.count ?? 0);
    if (count > 0) await deleteFrom(engine, 'chunks', condition, params);
    deleted += count;
  }
  return deleted;
}
