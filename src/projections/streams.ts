/**
 * Streams: where the record batches of one user, session or event type lie in time.
 *
 * `streams`: `[1][app u16][user u32]` | `[2][app u16][bytes u16][session utf8]` | `[3][app u16][type u8]`, each followed by
 * `[lastTs u48][offset u48]` → `[type mask u8]`. The mask lets a filtered scan pass over a batch without decoding it.
 */
import { MAX_TS } from '../limits.js';
import type { Env, Table } from '../log/env.js';
import { newKeyMemory, prefixEnd, put8, put16, put32, put48, putText, readU48, timeKey } from '../log/keys.js';
import { type BatchRef, lastTsBound } from '../log/log.js';
import { type BatchView, typeMask } from '../log/record-batch.js';
import type { Projection } from './projection.js';

const BY_USER = 1;
const BY_SESSION = 2;
const BY_TYPE = 3;

const USER_BYTES = 7;
const TYPE_BYTES = 4;

const memory = newKeyMemory();

function putUser(key: Buffer, app: number, user: number): number {
  return put32(key, put16(key, put8(key, 0, BY_USER), app), user);
}

function putSession(key: Buffer, app: number, session: string): number {
  const start = put16(key, put8(key, 0, BY_SESSION), app);
  const end = putText(key, start + 2, session);
  put16(key, start, end - start - 2);
  return end;
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
  return Buffer.from(memory.upTo(putSession(memory.bytes, app, session)));
}

/** Gives the keys of the batch's rows, one at a time in the same memory. */
function eachKey(batch: BatchView, mask: number, take: (key: Buffer) => void): void {
  const { app, user, session, lastTs, offset } = batch;
  const { bytes } = memory;
  const finish = (at: number): void => take(memory.upTo(put48(bytes, put48(bytes, at, lastTs), offset)));
  finish(putUser(bytes, app, user));
  finish(putSession(bytes, app, session));
  for (let type = 0; mask >> type; type++) if ((mask >> type) & 1) finish(putType(bytes, app, type));
}

/** The values of stream rows, by mask: there are few. */
const MASKS = Array.from({ length: 256 }, (_, mask) => Buffer.from([mask]));

export const streams: Projection = {
  name: 'streams',
  version: 1,
  tables: ['streams'],
  fold(stage) {
    const table = stage.table('streams');
    return {
      add(batch) {
        const mask = typeMask(batch);
        const value = MASKS[mask] as Buffer;
        eachKey(batch, mask, (key) => table.put(key, value));
      },
      finish() {},
    };
  },
  forget(stage, batches) {
    const table = stage.table('streams');
    for (const batch of batches) eachKey(batch, typeMask(batch), (key) => table.remove(key));
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
