/**
 * Sessions: one row a session and app, and an order by when each was last seen.
 *
 * `sessions`: `[app u16][session utf8]` →
 * `[first ts u48][last ts u48][id of the newest event u48][its user u32][events u48][errors u48]`.
 * `sessions_order`: `[app u16][~last ts u48][session utf8]` → `[0]`: latest first, then by bytes.
 */
import { EVENT_TYPES } from '../domain/event.js';
import { MAX_TS } from '../domain/limits.js';
import type { Log } from '../log/batches/log.js';
import type { BatchView } from '../log/batches/record-batch.js';
import type { Env } from '../log/file/env.js';
import {
  newKeyMemory,
  prefixEnd,
  put16,
  put32,
  put48,
  putText,
  readU32,
  readU48,
  u16,
} from '../log/file/keys.js';
import { obtain, type Projection } from './engine/projection.js';
import type { Stage } from './engine/stage.js';
import { openStreams, type Streams, sessionStream } from './streams.js';

const ERROR = EVENT_TYPES.indexOf('error');
const PRESENT = Buffer.from([0]);

/** A session's row; `newestId` and `user` are those of its greatest event by `(ts, id)`. */
export interface Session {
  firstTs: number;
  lastTs: number;
  newestId: number;
  user: number;
  events: number;
  errors: number;
}

const keys = newKeyMemory();

/** Valid until the next key. */
const rowKey = (app: number, session: string): Buffer =>
  keys.upTo(putText(keys.bytes, put16(keys.bytes, 0, app), session));

function orderKey(app: number, lastTs: number, session: string): Buffer {
  const at = put48(keys.bytes, put16(keys.bytes, 0, app), MAX_TS - lastTs);
  return keys.upTo(putText(keys.bytes, at, session));
}

const value = Buffer.alloc(34);

/** Valid until the next row. */
function pack(row: Session): Buffer {
  let at = put48(value, 0, row.firstTs);
  at = put48(value, at, row.lastTs);
  at = put48(value, at, row.newestId);
  at = put32(value, at, row.user);
  at = put48(value, at, row.events);
  put48(value, at, row.errors);
  return value;
}

const unpack = (value: Buffer): Session => ({
  firstTs: readU48(value, 0),
  lastTs: readU48(value, 6),
  newestId: readU48(value, 12),
  user: readU32(value, 18),
  events: readU48(value, 22),
  errors: readU48(value, 28),
});

const empty = (): Session => ({ firstTs: MAX_TS, lastTs: -1, newestId: 0, user: 0, events: 0, errors: 0 });

/** Adds a batch's events from `fence` on to the row. */
function addBatch(row: Session, { offset, user, count, ts, types }: BatchView, fence: number): void {
  for (let i = 0; i < count; i++) {
    const time = ts[i] as number;
    if (time < fence) continue;
    row.events++;
    if (types[i] === ERROR) row.errors++;
    if (time < row.firstTs) row.firstTs = time;
    if (time > row.lastTs || (time === row.lastTs && offset + i > row.newestId)) {
      row.lastTs = time;
      row.newestId = offset + i;
      row.user = user;
    }
  }
}

/** What is left of a session above the fence, from its stream; `undefined` when nothing is. */
function recount(log: Log, streams: Streams, app: number, session: string): Session | undefined {
  const row = empty();
  const fence = log.fence();
  for (const ref of streams.oldestFirst(sessionStream(app, session), { from: fence, to: MAX_TS })) {
    addBatch(row, log.batch(ref), fence);
  }
  return row.events > 0 ? row : undefined;
}

/** Joins a session's row with that of its new events. */
function merge(before: Session, came: Session): Session {
  const isNewer =
    came.lastTs > before.lastTs || (came.lastTs === before.lastTs && came.newestId > before.newestId);
  const { lastTs, newestId, user } = isNewer ? came : before;
  return {
    firstTs: Math.min(before.firstTs, came.firstTs),
    lastTs,
    newestId,
    user,
    events: before.events + came.events,
    errors: before.errors + came.errors,
  };
}

const tablesOf = (stage: Stage) => ({
  rows: stage.table('sessions'),
  order: stage.table('sessions_order'),
});

function stageRow(
  { rows, order }: ReturnType<typeof tablesOf>,
  app: number,
  session: string,
  before: Session | undefined,
  after: Session | undefined,
): void {
  const moved = before?.lastTs !== after?.lastTs;
  if (before && moved) order.remove(orderKey(app, before.lastTs, session));
  if (after && moved) order.put(orderKey(app, after.lastTs, session), PRESENT);
  if (after) rows.put(rowKey(app, session), pack(after));
  else if (before) rows.remove(rowKey(app, session));
}

export const sessions: Projection = {
  name: 'sessions',
  version: 1,
  tables: ['sessions', 'sessions_order'],
  open(stage) {
    const tables = tablesOf(stage);
    /** What came, by app and session. */
    const apps = new Map<number, Map<string, Session>>();
    return {
      add(batch) {
        const came = obtain(apps, batch.app, () => new Map<string, Session>());
        addBatch(obtain(came, batch.session, empty), batch, 0);
      },
      finish() {
        for (const [app, came] of apps) {
          for (const [session, row] of came) {
            const known = tables.rows.get(rowKey(app, session));
            const before = known && unpack(known);
            stageRow(tables, app, session, before, before ? merge(before, row) : row);
          }
        }
        apps.clear();
      },
    };
  },
  forget(stage, batches, log, env) {
    const tables = tablesOf(stage);
    const streams = openStreams(env);
    const sessions = new Map(batches.map((batch) => [`${batch.app}/${batch.session}`, batch]));
    for (const { app, session } of sessions.values()) {
      const known = tables.rows.get(rowKey(app, session));
      const before = known && unpack(known);
      if (!before || before.firstTs >= log.fence()) continue;
      stageRow(tables, app, session, before, recount(log, streams, app, session));
    }
  },
};

export interface ListedSession extends Session {
  app: number;
  session: string;
}

export type Sessions = ReturnType<typeof openSessions>;

export function openSessions(env: Env, log: Log) {
  const rows = env.table('sessions');
  const order = env.table('sessions_order');
  const streams = openStreams(env);
  /** The session as it is above the fence, or `undefined`. */
  const get = (app: number, session: string): Session | undefined => {
    const known = rows.get(rowKey(app, session));
    if (!known) return undefined;
    const row = unpack(known);
    const fence = log.fence();
    if (row.lastTs < fence) return undefined;
    // A sweep that is under way has not come to this row yet: answer as if it had.
    return row.firstTs < fence ? recount(log, streams, app, session) : row;
  };
  return {
    get,
    /** An app's sessions, latest `lastTs` first, then by the id's bytes. */
    *latest(app: number): Generator<ListedSession> {
      const prefix = u16(app);
      for (const key of order.keys({ start: prefix, end: prefixEnd(prefix) })) {
        if (MAX_TS - readU48(key, 2) < log.fence()) return;
        const session = key.toString('utf8', 8);
        const row = get(app, session);
        if (row) yield { app, session, ...row };
      }
    },
  };
}
