/**
 * Users: one row a user and app, the sessions each has been in, and an order by when each was last seen.
 *
 * `users`: `[app u16][user u32]` → `[first ts u48][last ts u48][sessions u32]` then for name and for email
 * `[ts u48][id u48][bytes u16][utf8]`: the value and the event that brought it, all zero when none did.
 * `users_order`: `[app u16][~last ts u48][user id utf8]` → `[user u32]`: latest first, then by bytes.
 * `user_sessions`: `[app u16][user u32][session utf8]` → `[ts of the user's last event in it u48]`.
 */
import { MAX_TS } from '../domain/limits.js';
import { type Log, lastTsBound } from '../log/batches/log.js';
import type { BatchView } from '../log/batches/record-batch.js';
import type { Env, Table } from '../log/file/env.js';
import {
  newKeyMemory,
  prefixEnd,
  put16,
  put32,
  put48,
  putBytes,
  putText,
  readU48,
  u16,
  u32,
  u48,
} from '../log/file/keys.js';
import { obtain, type Projection } from './engine/projection.js';
import type { Stage, StagedTable } from './engine/stage.js';
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

const keys = newKeyMemory();

/** Each valid until the next key. */
const rowKey = (app: number, user: number): Buffer =>
  keys.upTo(put32(keys.bytes, put16(keys.bytes, 0, app), user));

function orderKey(app: number, lastTs: number, userId: string): Buffer {
  const at = put48(keys.bytes, put16(keys.bytes, 0, app), MAX_TS - lastTs);
  return keys.upTo(putText(keys.bytes, at, userId));
}

const sessionKey = (app: number, user: number, session: string): Buffer =>
  keys.upTo(putText(keys.bytes, put32(keys.bytes, put16(keys.bytes, 0, app), user), session));

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

function newer(known: Told | undefined, told: Told | undefined): Told | undefined {
  if (known === undefined || told === undefined) return told ?? known;
  return known.ts > told.ts || (known.ts === told.ts && known.id > told.id) ? known : told;
}

/** What new events tell of a user. */
interface Came extends Omit<User, 'sessions'> {
  userId: string;
  /** When each session last had an event of the user. */
  sessions: Map<string, number>;
}

function addBatch(came: Came, batch: BatchView): void {
  const { firstTs, lastTs, session } = batch;
  came.firstTs = Math.min(came.firstTs, firstTs);
  came.lastTs = Math.max(came.lastTs, lastTs);
  came.sessions.set(session, Math.max(came.sessions.get(session) ?? 0, lastTs));
  if (!batch.hasPeople) return;
  batch.details().people?.forEach((person, index) => {
    const told = (text: string | undefined): Told | undefined =>
      text === undefined ? undefined : { text, ts: batch.ts[index] ?? 0, id: batch.offset + index };
    came.name = newer(came.name, told(person?.name));
    came.email = newer(came.email, told(person?.email));
  });
}

/** Stages the sessions' new last times; returns how many are the user's first. */
function foldSessions(table: StagedTable, app: number, user: number, sessions: Came['sessions']): number {
  let fresh = 0;
  for (const [session, lastTs] of sessions) {
    const key = sessionKey(app, user, session);
    const value = table.lend(key);
    if (!value) fresh++;
    if (!value || readU48(value, 0) < lastTs) table.put(key, u48(lastTs));
  }
  return fresh;
}

const tablesOf = (stage: Stage) => ({
  rows: stage.table('users'),
  order: stage.table('users_order'),
  userSessions: stage.table('user_sessions'),
});

function stageRow(
  { rows, order }: ReturnType<typeof tablesOf>,
  { app, user, userId }: Pick<ListedUser, 'app' | 'user' | 'userId'>,
  before: User | undefined,
  after: User | undefined,
): void {
  const moved = before?.lastTs !== after?.lastTs;
  if (before && moved) order.remove(orderKey(app, before.lastTs, userId));
  if (after && moved) order.put(orderKey(app, after.lastTs, userId), u32(user));
  if (after) rows.put(rowKey(app, user), pack(after));
  else if (before) rows.remove(rowKey(app, user));
}

/** A user's sessions with an event at or above the fence, and those without. */
function splitSessions(table: StagedTable, app: number, user: number, fence: number) {
  const prefix = Buffer.from(rowKey(app, user));
  const gone: Buffer[] = [];
  let kept = 0;
  for (const { key, value } of table.range({ start: prefix, end: prefixEnd(prefix) })) {
    if (readU48(value, 0) < fence) gone.push(key);
    else kept++;
  }
  return { kept, gone };
}

/** How many of a user's sessions have an event at or above the fence; `check` is called for each session. */
function countSessions(
  table: Table,
  { app, user }: Pick<ListedUser, 'app' | 'user'>,
  fence: number,
  check: () => void,
): number {
  const prefix = Buffer.from(rowKey(app, user));
  let kept = 0;
  for (const { value } of table.range({ start: prefix, end: prefixEnd(prefix) })) {
    check();
    if (readU48(value, 0) >= fence) kept++;
  }
  return kept;
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
function trim(row: User, log: Log, streams: Streams, app: number, user: number, kept: number) {
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
  open(stage) {
    const tables = tablesOf(stage);
    const { rows, userSessions } = tables;
    /** By app and user. */
    const apps = new Map<number, Map<number, Came>>();
    return {
      add(batch) {
        const { userId } = batch;
        const users = obtain(apps, batch.app, () => new Map<number, Came>());
        const newCame = () => ({ userId, firstTs: MAX_TS, lastTs: 0, sessions: new Map() });
        addBatch(obtain(users, batch.user, newCame), batch);
      },
      finish() {
        for (const [app, users] of apps) {
          for (const [user, came] of users) {
            const known = rows.get(rowKey(app, user));
            const before = known && unpack(known);
            const after: User = {
              firstTs: Math.min(before?.firstTs ?? MAX_TS, came.firstTs),
              lastTs: Math.max(before?.lastTs ?? 0, came.lastTs),
              sessions: (before?.sessions ?? 0) + foldSessions(userSessions, app, user, came.sessions),
              name: newer(before?.name, came.name),
              email: newer(before?.email, came.email),
            };
            stageRow(tables, { app, user, userId: came.userId }, before, after);
          }
        }
        apps.clear();
      },
    };
  },
  forget(stage, batches, log, env) {
    const tables = tablesOf(stage);
    const { rows, userSessions } = tables;
    const streams = openStreams(env);
    const users = new Map(batches.map((batch) => [`${batch.app}/${batch.user}`, batch]));
    for (const batch of users.values()) {
      const { app, user } = batch;
      const known = rows.get(rowKey(app, user));
      const before = known && unpack(known);
      if (!before || before.firstTs >= log.fence()) continue;
      const { kept, gone } = splitSessions(userSessions, app, user, log.fence());
      for (const session of gone) userSessions.remove(session);
      stageRow(tables, batch, before, trim(before, log, streams, app, user, kept));
    }
  },
};

export interface ListedUser extends User {
  app: number;
  user: number;
  userId: string;
}

export type Users = ReturnType<typeof openUsers>;

/** `check` is called for each row that is read of a user's sessions; it throws when the read must end. */
export function openUsers(env: Env, log: Log, check: () => void) {
  const rows = env.table('users');
  const order = env.table('users_order');
  const userSessions = env.table('user_sessions');
  const streams = openStreams(env);
  const current = (row: User, app: number, user: number): User | undefined => {
    if (row.firstTs >= log.fence()) return row;
    // A sweep that is under way has not come to this row yet: answer as if it had.
    return trim(row, log, streams, app, user, countSessions(userSessions, { app, user }, log.fence(), check));
  };
  return {
    /** A user of an app as it is above the fence, or `undefined`. */
    get(app: number, user: number): User | undefined {
      const row = rows.get(rowKey(app, user));
      return row && current(unpack(row), app, user);
    },
    /** An app's users as they are above the fence, latest `lastTs` first, then by the id's bytes. */
    *latest(app: number): Generator<ListedUser> {
      const prefix = u16(app);
      for (const { key, value } of order.range({ start: prefix, end: prefixEnd(prefix) })) {
        if (MAX_TS - readU48(key, 2) < log.fence()) return;
        const user = value.readUInt32BE(0);
        const row = rows.get(rowKey(app, user));
        const seen = row && current(unpack(row), app, user);
        if (seen) yield { app, user, userId: key.toString('utf8', 8), ...seen };
      }
    },
    /** Every session in which the user has an event above the fence, in the order of the ids' bytes. */
    *sessionsOf(app: number, user: number) {
      const prefix = Buffer.from(rowKey(app, user));
      for (const { key, value } of userSessions.range({ start: prefix, end: prefixEnd(prefix) })) {
        check();
        if (readU48(value, 0) >= log.fence()) yield key.toString('utf8', 6);
      }
    },
  };
}
