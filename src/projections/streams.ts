/**
 * Streams: where the record batches of one user, session or event type lie in time.
 *
 * `streams`: `[1][app u16][user u32]` | `[2][app u16][bytes u16][session utf8]` | `[3][app u16][type u8]`, each followed by
 * `[lastTs u48][offset u48]` → `[type mask u8]`. The mask lets a filtered scan pass over a batch without decoding it.
 */
import { MAX_TS } from '../limits.js';
import type { Env, Table } from '../log/env.js';
import { prefixEnd, put8, put16, put32, put48, putBytes, readU48, timeKey } from '../log/keys.js';
import { type BatchRef, lastTsBound } from '../log/log.js';
import { type RecordBatch, typeMask } from '../log/record-batch.js';
import type { Projection } from './projection.js';

const BY_USER = 1;
const BY_SESSION = 2;
const BY_TYPE = 3;

const USER_BYTES = 7;
const SESSION_HEAD_BYTES = 5;
const TYPE_BYTES = 4;
/** `[lastTs u48][offset u48]` behind each stream. */
const PLACE_BYTES = 12;

function putUser(key: Buffer, app: number, user: number): number {
  return put32(key, put16(key, put8(key, 0, BY_USER), app), user);
}

function putSession(key: Buffer, app: number, session: Buffer): number {
  return putBytes(key, put16(key, put16(key, put8(key, 0, BY_SESSION), app), session.length), session);
}

function putType(key: Buffer, app: number, type: number): number {
  return put8(key, put16(key, put8(key, 0, BY_TYPE), app), type);
}

export function userStream(app: number, user: number): Buffer {
  const key = Buffer.allocUnsafe(USER_BYTES);
  putUser(key, app, user);
  return key;
}

export function typeStream(app: number, type: number): Buffer {
  const key = Buffer.allocUnsafe(TYPE_BYTES);
  putType(key, app, type);
  return key;
}

export function sessionStream(app: number, session: string): Buffer {
  const bytes = Buffer.from(session, 'utf8');
  const key = Buffer.allocUnsafe(SESSION_HEAD_BYTES + bytes.length);
  putSession(key, app, bytes);
  return key;
}

function streamKeys(batch: RecordBatch): { keys: Buffer[]; mask: number } {
  const { app, user, lastTs, offset } = batch;
  const mask = typeMask(batch);
  const session = Buffer.from(batch.session, 'utf8');
  const ofUser = Buffer.allocUnsafe(USER_BYTES + PLACE_BYTES);
  put48(ofUser, put48(ofUser, putUser(ofUser, app, user), lastTs), offset);
  const ofSession = Buffer.allocUnsafe(SESSION_HEAD_BYTES + session.length + PLACE_BYTES);
  put48(ofSession, put48(ofSession, putSession(ofSession, app, session), lastTs), offset);
  const keys = [ofUser, ofSession];
  for (let type = 0; mask >> type; type++) {
    if (((mask >> type) & 1) === 0) continue;
    const ofType = Buffer.allocUnsafe(TYPE_BYTES + PLACE_BYTES);
    put48(ofType, put48(ofType, putType(ofType, app, type), lastTs), offset);
    keys.push(ofType);
  }
  return { keys, mask };
}

/** The values of stream rows, by mask: there are few. */
const MASKS = Array.from({ length: 256 }, (_, mask) => Buffer.from([mask]));

export const streams: Projection = {
  name: 'streams',
  version: 1,
  tables: ['streams'],
  fold(stage, batches) {
    const table = stage.table('streams');
    for (const batch of batches) {
      const { keys, mask } = streamKeys(batch);
      for (const key of keys) table.put(key, MASKS[mask] as Buffer);
    }
  },
  forget(stage, batches) {
    const table = stage.table('streams');
    for (const batch of batches) {
      for (const key of streamKeys(batch).keys) table.remove(key);
    }
  },
};

export interface Streams {
  /** Batches of a stream that can hold an event in the range, latest `lastTs` first. */
  newestFirst(stream: Buffer, range: { from: number; to: number }): Generator<BatchRef>;
  /** The same, least `lastTs` first. */
  oldestFirst(stream: Buffer, range: { from: number; to: number }): Generator<BatchRef>;
  /** Whether the stream has any batch with `lastTs >= from`. */
  any(stream: Buffer, from: number): boolean;
}

function toRef(key: Buffer, value: Buffer): BatchRef {
  const at = key.length - 12;
  return { lastTs: readU48(key, at), offset: readU48(key, at + 6), mask: value[0] ?? 0 };
}

export function openStreams(env: Env): Streams {
  const table: Table = env.table('streams');
  return {
    *newestFirst(stream, { from, to }) {
      const start = Buffer.concat([stream, timeKey(lastTsBound(to), MAX_TS)]);
      const end = Buffer.concat([stream, timeKey(from, 0)]);
      for (const { key, value } of table.range({ start, end, reverse: true })) yield toRef(key, value);
    },
    *oldestFirst(stream, { from, to }) {
      const start = Buffer.concat([stream, timeKey(from, 0)]);
      const end = prefixEnd(Buffer.concat([stream, timeKey(lastTsBound(to), MAX_TS)]));
      for (const { key, value } of table.range({ start, end })) yield toRef(key, value);
    },
    any(stream, from) {
      const start = Buffer.concat([stream, timeKey(from, 0)]);
      for (const _ of table.keys({ start, end: prefixEnd(stream), limit: 1 })) return true;
      return false;
    },
  };
}
