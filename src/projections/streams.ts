/**
 * Streams: where the record batches of one user, session or event type lie in time.
 *
 * `streams`: `[1][app u16][user u32]` | `[2][app u16][bytes u16][session utf8]` | `[3][app u16][type u8]`,
 * each followed by `[last u48][offset u48]` → `[type mask u8]`. `last` is the greatest ts of the batch; in a
 * type's stream that of the type's events, and `[lastTs − last, u16]` follows the mask where it is not 0. A
 * filtered scan passes over batches by their masks.
 */
import assert from 'node:assert/strict';
import { EVENT_TYPES } from '../domain/event.js';
import { MAX_TS } from '../domain/limits.js';
import { type BatchRef, lastTsBound } from '../log/batches/log.js';
import { type BatchView, typeMask } from '../log/batches/record-batch.js';
import type { Env } from '../log/file/env.js';
import {
  newKeyMemory,
  prefixEnd,
  put8,
  put16,
  put32,
  put48,
  putText,
  readU48,
  timeKey,
} from '../log/file/keys.js';
import type { Projection } from './engine/projection.js';

const BY_USER = 1;
const BY_SESSION = 2;
const BY_TYPE = 3;

const USER_BYTES = 7;
const TYPE_BYTES = 4;
/** `[last u48][offset u48]` behind each stream. */
const REF_BYTES = 12;
const MASK_BYTES = 1;
/** Event types that a mask has a bit for. */
const TYPES_MAX = 8 * MASK_BYTES;

assert(EVENT_TYPES.length <= TYPES_MAX, "streams: each event type has a bit in a row's mask of one byte");

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

/** The greatest ts of each type in the batch that is being folded. */
const lastOfType = new Float64Array(TYPES_MAX);

function noteLasts({ count, ts, types }: BatchView): void {
  lastOfType.fill(-1);
  for (let i = 0; i < count; i++) {
    const type = types[i] as number;
    const time = ts[i] as number;
    if (time > (lastOfType[type] as number)) lastOfType[type] = time;
  }
}

const withRef = (at: number, last: number, offset: number): Buffer =>
  memory.upTo(put48(memory.bytes, put48(memory.bytes, at, last), offset));

/** Calls `take` with each row of a batch, one at a time in the same memory. */
function eachRow(batch: BatchView, take: (key: Buffer, value: Buffer) => void): void {
  const { app, user, session, lastTs, offset } = batch;
  const { bytes } = memory;
  const mask = typeMask(batch);
  const value = MASKS[mask] as Buffer;
  take(withRef(putUser(bytes, app, user), lastTs, offset), value);
  take(withRef(putSession(bytes, app, session), lastTs, offset), value);
  noteLasts(batch);
  for (let type = 0; mask >> type; type++) {
    if (((mask >> type) & 1) === 0) continue;
    const last = lastOfType[type] as number;
    const key = withRef(putType(bytes, app, type), last, offset);
    take(key, last === lastTs ? value : withDistance(mask, lastTs - last));
  }
}

/** The values of most stream rows, by mask: there are few. */
const MASKS = Array.from({ length: 2 ** TYPES_MAX }, (_, mask) => Buffer.from([mask]));

const distanceValue = Buffer.alloc(MASK_BYTES + 2);

/** Valid until the next. */
function withDistance(mask: number, distance: number): Buffer {
  put16(distanceValue, put8(distanceValue, 0, mask), distance);
  return distanceValue;
}

export const streams: Projection = {
  name: 'streams',
  version: 2,
  tables: ['streams'],
  open(stage) {
    const { put } = stage.table('streams');
    return { add: (batch) => eachRow(batch, put), finish() {} };
  },
  forget(stage, batches) {
    const table = stage.table('streams');
    for (const batch of batches) eachRow(batch, table.remove);
  },
};

/** A batch of a stream. */
export interface StreamRef extends BatchRef {
  /** What the stream is ordered by: the greatest ts of the batch's events that belong to the stream. */
  last: number;
}

export type Streams = ReturnType<typeof openStreams>;

function toRef(key: Buffer, value: Buffer): StreamRef {
  const at = key.length - REF_BYTES;
  const last = readU48(key, at);
  const distance = value.length > MASK_BYTES ? value.readUInt16BE(MASK_BYTES) : 0;
  return { last, lastTs: last + distance, offset: readU48(key, at + 6), mask: value[0] ?? 0 };
}

export function openStreams(env: Env) {
  const table = env.table('streams');
  return {
    /** A stream's batches that can hold an event in the range: greatest `last`, then offset, first. */
    *newestFirst(stream: Buffer, { from, to }: { from: number; to: number }) {
      const start = Buffer.concat([stream, timeKey(lastTsBound(to), MAX_TS)]);
      const end = Buffer.concat([stream, timeKey(from, 0)]);
      for (const { key, value } of table.scan({ start, end, reverse: true })) yield toRef(key, value);
    },
    /** The same in the opposite order. */
    *oldestFirst(stream: Buffer, { from, to }: { from: number; to: number }) {
      const start = Buffer.concat([stream, timeKey(from, 0)]);
      const end = prefixEnd(Buffer.concat([stream, timeKey(lastTsBound(to), MAX_TS)]));
      for (const { key, value } of table.scan({ start, end })) yield toRef(key, value);
    },
  };
}
