/**
 * Users: one row a user and app, the sessions each has been in, and an order by when each was last seen.
 *
 * `users`: `[app u16][user u32]` → `[first ts u48][last ts u48][sessions u32]` then for name and for email
 * `[ts u48][id u48][bytes u16][utf8]`: the value and the event that brought it, all zero when none did.
 * `users_order`: `[app u16][~last ts u48][user id utf8]` → `[user u32]`: latest first, then by bytes.
 * `user_sessions`: `[app u16][user u32][session utf8]` → `[last ts u48]`: when the user last had an event in it.
 */
import { MAX_TS } from '../limits.js';
import type { Env, Table } from '../log/env.js';
import { prefixEnd, put16, put32, put48, putBytes, readU48, u16, u32, u48 } from '../log/keys.js';
import { type Log, lastTsBound } from '../log/log.js';
import type { RecordBatch } from '../log/record-batch.js';
import { obtain, type Projection, type Stage, type StagedTable } from './projection.js';
import { openStreams, type Streams, userStream } from './streams.js';

/** A fact an event told about its user, and which event: the newest by `(ts, id)` wins. */
interface Told {
  text: string;
  ts: number;
  id: number;
}

export interface User {
  firstTs: number;
  lastTs: number;
  sessions: number;
  name?: Told | undefined;
  email?: Told | undefined;
}

function rowKey(app: number, user: number): Buffer {
  const key = Buffer.allocUnsafe(6);
  put32(key, put16(key, 0, app), user);
  return key;
}

function orderKey(app: number, lastTs: number, userId: string): Buffer {
  const id = Buffer.from(userId, 'utf8');
  const key = Buffer.allocUnsafe(8 + id.length);
  putBytes(key, put48(key, put16(key, 0, app), MAX_TS - lastTs), id);
  return key;
}

function sessionKey(app: number, user: number, session: string): Buffer {
  const id = Buffer.from(session, 'utf8');
  const key = Buffer.allocUnsafe(6 + id.length);
  putBytes(key, put32(key, put16(key, 0, app), user), id);
  return key;
}

const NEVER_TOLD = Buffer.alloc(14);

function packTold(told: Told | undefined): Buffer {
  if (told === undefined) return NEVER_TOLD;
  const text = Buffer.from(told.text, 'utf8');
  const value = Buffer.allocUnsafe(14 + text.length);
  putBytes(value, put16(value, put48(value, put48(value, 0, told.ts), told.id), text.length), text);
  return value;
}

function unpackTold(value: Buffer, at: number): { told: Told | undefined; end: number } {
  const end = at + 14 + value.readUInt16BE(at + 12);
  const id = readU48(value, at + 6);
  const told =
    id === 0 ? undefined : { ts: readU48(value, at), id, text: value.toString('utf8', at + 14, end) };
  return { told, end };
}

function pack(row: User): Buffer {
  const name = packTold(row.name);
  const email = packTold(row.email);
  const value = Buffer.allocUnsafe(16 + name.length + email.length);
  const at = put32(value, put48(value, put48(value, 0, row.firstTs), row.lastTs), row.sessions);
  putBytes(value, putBytes(value, at, name), email);
  return value;
}

function unpack(value: Buffer): User {
  const name = unpackTold(value, 16);
  const email = unpackTold(value, name.end);
  return {
    firstTs: readU48(value, 0),
    lastTs: readU48(value, 6),
    sessions: value.readUInt32BE(12),
    name: name.told,
    email: email.told,
  };
}

function newer(known: Told | undefined, text: string | undefined, ts: number, id: number): Told | undefined {
  if (text === undefined) return known;
  if (known && (known.ts > ts || (known.ts === ts && known.id > id))) return known;
  return { text, ts, id };
}

function addBatch(row: User, batch: RecordBatch): void {
  row.firstTs = Math.min(row.firstTs, batch.firstTs);
  row.lastTs = Math.max(row.lastTs, batch.lastTs);
  if (!batch.hasPeople) return;
  batch.details().people?.forEach((person, index) => {
    const ts = batch.ts[index] ?? 0;
    row.name = newer(row.name, person?.name, ts, batch.offset + index);
    row.email = newer(row.email, person?.email, ts, batch.offset + index);
  });
}

/** Batches by their user; within, the last event's time by session. */
function byUser(
  batches: readonly RecordBatch[],
): Iterable<{ batches: RecordBatch[]; sessions: Map<string, number> }> {
  const groups = new Map<string, { batches: RecordBatch[]; sessions: Map<string, number> }>();
  for (const batch of batches) {
    const group = obtain(groups, `${batch.app}/${batch.user}`, () => ({ batches: [], sessions: new Map() }));
    group.batches.push(batch);
    group.sessions.set(batch.session, Math.max(group.sessions.get(batch.session) ?? 0, batch.lastTs));
  }
  return groups.values();
}

/** Stages the sessions' new last times; returns how many are the user's first. */
function foldSessions(
  table: StagedTable,
  app: number,
  user: number,
  sessions: ReadonlyMap<string, number>,
): number {
  let fresh = 0;
  for (const [session, lastTs] of sessions) {
    const key = sessionKey(app, user, session);
    const value = table.get(key);
    if (!value) fresh++;
    if (!value || readU48(value, 0) < lastTs) table.put(key, u48(lastTs));
  }
  return fresh;
}

function stageRow(stage: Stage, of: RecordBatch, before: User | undefined, after: User | undefined): void {
  const { app, user, userId } = of;
  const order = stage.table('users_order');
  const moved = before?.lastTs !== after?.lastTs;
  if (before && moved) order.remove(orderKey(app, before.lastTs, userId));
  if (after && moved) order.put(orderKey(app, after.lastTs, userId), u32(user));
  if (after) stage.table('users').put(rowKey(app, user), pack(after));
  else if (before) stage.table('users').remove(rowKey(app, user));
}

/** A user's sessions with an event at or above the fence, and those without. */
function splitSessions(
  table: Pick<Table, 'range'>,
  app: number,
  user: number,
  fence: number,
): { kept: number; gone: Buffer[] } {
  const prefix = rowKey(app, user);
  const gone: Buffer[] = [];
  let kept = 0;
  for (const { key, value } of table.range({ start: prefix, end: prefixEnd(prefix) })) {
    if (readU48(value, 0) < fence) gone.push(key);
    else kept++;
  }
  return { kept, gone };
}

function leastTs(log: Log, streams: Streams, app: number, user: number, fence: number): number {
  let least = MAX_TS;
  // A batch that ends a span after the least time so far cannot hold a lesser one, so the scan is short.
  for (const ref of streams.oldestFirst(userStream(app, user), { from: fence, to: MAX_TS })) {
    const { firstTs } = log.batch(ref);
    least = Math.min(least, firstTs);
    if (ref.lastTs > lastTsBound(least)) break;
  }
  return least;
}

/** What is left of a user's row above the fence. */
function trim(
  row: User,
  log: Log,
  streams: Streams,
  app: number,
  user: number,
  kept: number,
): User | undefined {
  const fence = log.fence();
  if (row.lastTs < fence) return undefined;
  const still = (told: Told | undefined) => (told && told.ts >= fence ? told : undefined);
  return {
    firstTs: leastTs(log, streams, app, user, fence),
    lastTs: row.lastTs,
    sessions: kept,
    name: still(row.name),
    email: still(row.email),
  };
}

export const users: Projection = {
  name: 'users',
  version: 1,
  tables: ['users', 'users_order', 'user_sessions'],
  fold(stage, batches) {
    const rows = stage.table('users');
    const userSessions = stage.table('user_sessions');
    for (const group of byUser(batches)) {
      const [first] = group.batches as [RecordBatch];
      const value = rows.get(rowKey(first.app, first.user));
      const before = value && unpack(value);
      const after: User = before
        ? { ...before }
        : { firstTs: MAX_TS, lastTs: 0, sessions: 0, name: undefined, email: undefined };
      for (const batch of group.batches) addBatch(after, batch);
      after.sessions += foldSessions(userSessions, first.app, first.user, group.sessions);
      stageRow(stage, first, before, after);
    }
  },
  forget(stage, batches, log, env) {
    const rows = stage.table('users');
    const userSessions = stage.table('user_sessions');
    const streams = openStreams(env);
    for (const group of byUser(batches)) {
      const [first] = group.batches as [RecordBatch];
      const { app, user } = first;
      const value = rows.get(rowKey(app, user));
      const before = value && unpack(value);
      if (!before || before.firstTs >= log.fence()) continue;
      const { kept, gone } = splitSessions(userSessions, app, user, log.fence());
      for (const key of gone) userSessions.remove(key);
      stageRow(stage, first, before, trim(before, log, streams, app, user, kept));
    }
  },
};

export interface ListedUser extends User {
  app: number;
  user: number;
  userId: string;
}

export interface Users {
  /** A user of an app as it is above the fence, or `undefined`. */
  get(app: number, user: number): User | undefined;
  /** An app's users as they are above the fence, latest `lastTs` first, then by the id's bytes. */
  latest(app: number): Generator<ListedUser>;
  /** Every session in which the user has an event above the fence, in the order of the ids' bytes. */
  sessionsOf(app: number, user: number): Generator<string>;
}

export function openUsers(env: Env, log: Log): Users {
  const rows = env.table('users');
  const order = env.table('users_order');
  const userSessions = env.table('user_sessions');
  const streams = openStreams(env);
  const current = (row: User, app: number, user: number): User | undefined => {
    if (row.firstTs >= log.fence()) return row;
    // A sweep that is under way has not come to this row yet: answer as if it had.
    return trim(row, log, streams, app, user, splitSessions(userSessions, app, user, log.fence()).kept);
  };
  return {
    get(app, user) {
      const row = rows.get(rowKey(app, user));
      return row && current(unpack(row), app, user);
    },
    *latest(app) {
      const prefix = u16(app);
      for (const { key, value } of order.range({ start: prefix, end: prefixEnd(prefix) })) {
        if (MAX_TS - readU48(key, 2) < log.fence()) return;
        const user = value.readUInt32BE(0);
        const row = rows.get(rowKey(app, user));
        const seen = row && current(unpack(row), app, user);
        if (seen) yield { app, user, userId: key.toString('utf8', 8), ...seen };
      }
    },
    *sessionsOf(app, user) {
      const prefix = rowKey(app, user);
      for (const { key, value } of userSessions.range({ start: prefix, end: prefixEnd(prefix) })) {
        if (readU48(value, 0) >= log.fence()) yield key.toString('utf8', 6);
      }
    },
  };
}
