/**
 * Streams: where the record batches of one user, session or event type lie in time.
 *
 * `streams`: `[1][app u16][user u32]` | `[2][app u16][bytes u16][session utf8]` | `[3][app u16][type u8]`, each followed by
 * `[lastTs u48][offset u48]` → `[type mask u8]`. The mask lets a filtered scan pass over a batch without decoding it.
 */
import { MAX_TS } from '../limits.js';
import type { Env, Table } from '../log/env.js';
import { packKey, prefixEnd, readU48, timeKey } from '../log/keys.js';
import { type BatchRef, lastTsBound } from '../log/log.js';
import { type RecordBatch, typeMask } from '../log/record-batch.js';
import type { Projection } from './projection.js';

const BY_USER = 1;
const BY_SESSION = 2;
const BY_TYPE = 3;

export const userStream = (app: number, user: number): Buffer =>
  packKey([
    [BY_USER, 1],
    [app, 2],
    [user, 4],
  ]);

export const typeStream = (app: number, type: number): Buffer =>
  packKey([
    [BY_TYPE, 1],
    [app, 2],
    [type, 1],
  ]);

export function sessionStream(app: number, session: string): Buffer {
  const bytes = Buffer.from(session, 'utf8');
  return packKey(
    [
      [BY_SESSION, 1],
      [app, 2],
      [bytes.length, 2],
    ],
    bytes,
  );
}

function streamKeys(batch: RecordBatch): { keys: Buffer[]; mask: Buffer } {
  const mask = typeMask(batch);
  const at = timeKey(batch.lastTs, batch.offset);
  const streams = [userStream(batch.app, batch.user), sessionStream(batch.app, batch.session)];
  for (let type = 0; mask >> type; type++) {
    if ((mask >> type) & 1) streams.push(typeStream(batch.app, type));
  }
  return { keys: streams.map((stream) => Buffer.concat([stream, at])), mask: Buffer.from([mask]) };
}

export const streams: Projection = {
  name: 'streams',
  version: 1,
  tables: ['streams'],
  fold(stage, batches) {
    const table = stage.table('streams');
    for (const batch of batches) {
      const { keys, mask } = streamKeys(batch);
      for (const key of keys) table.put(key, mask);
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
