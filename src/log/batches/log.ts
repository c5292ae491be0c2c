/**
 * The log: record batches by time and by offset, the only truth every view is folded from.
 *
 * Tables: `log`: `[lastTs u48][offset u48]` → record batch (LZ4);
 * `offsets`: `[offset u48]` → `[lastTs u48][count u16]`;
 * `dictionary`, `seen` and `seen_expiry` (see their files);
 * `meta`: `format` → JSON, `next` → the counters below, `fence` → u48, `clock` → u48
 * (the time trusted last), `views` → JSON of the projections.
 */
import { randomUUID } from 'node:crypto';
import type { StoredEvent } from '../../domain/event.js';
import { BATCH_SPAN_MS, MAX_ID, MAX_TS } from '../../domain/limits.js';
import { StoreUnusable } from '../file/data-dir.js';
import type { Env, Table } from '../file/env.js';
import { put48, readU48, timeKey, u48 } from '../file/keys.js';
import { openDictionaries } from './dictionaries.js';
import {
  BatchReader,
  type BatchView,
  checkValue,
  DamagedBatch,
  decodeBatch,
  type RecordBatch,
  type TextOf,
  toEvent,
} from './record-batch.js';

/** Stores of this format and older open here; it grows when an older release could misread the store. */
export const STORE_FORMAT = 1;

type LogTables = Record<'meta' | 'log' | 'offsets' | 'dictionary' | 'seen' | 'expiry', Table>;

/** What the next commit continues from. */
export interface Counters {
  offset: number;
  commit: number;
  app: number;
  user: number;
  name: number;
}

const COUNTERS_BYTES = 24;
const U48_BYTES = 6;
const FIRST: Counters = { offset: 1, commit: 1, app: 1, user: 1, name: 1 };

export const META = {
  format: Buffer.from('format'),
  next: Buffer.from('next'),
  fence: Buffer.from('fence'),
  clock: Buffer.from('clock'),
  begun: Buffer.from('begun'),
  views: Buffer.from('views'),
} as const;

/** Where a record batch is in the log. */
interface Ref {
  lastTs: number;
  offset: number;
}

/** The same with a bit for each type code that the batch holds. */
export interface BatchRef extends Ref {
  mask: number;
}

export type Log = ReturnType<typeof logOver>;

/** Batches whose `lastTs` is up to this can hold an event at `to`. */
export const lastTsBound = (to: number): number => Math.min(to + BATCH_SPAN_MS, MAX_TS);

/**
 * Opens the log in an environment, making it when the store is new. Throws `StoreUnusable` for a store of a
 * newer format, before anything in it is touched.
 */
export function openLog(env: Env): Log {
  const meta = env.table('meta');
  const format = meta.get(META.format);
  const log = env.table('log', { compressed: true });
  if (!format && (log.entryCount() > 0 || meta.get(META.next))) throw damaged(env, 'says no format');
  const storeId = format ? readFormat(format, env) : createStore(env, meta);
  const tables: LogTables = {
    meta,
    log,
    offsets: env.table('offsets'),
    dictionary: env.table('dictionary'),
    seen: env.table('seen'),
    expiry: env.table('seen_expiry'),
  };
  assertCounters(env, tables);
  return logOver(tables, storeId);
}

const damaged = (env: Env, what: string): StoreUnusable =>
  new StoreUnusable(`the store in ${env.dataDir} ${what}: it is damaged, restore a backup`);

/** Throws for counters that would give an id again. */
function assertCounters(env: Env, { meta, offsets }: LogTables): void {
  const value = meta.get(META.next);
  if (value?.length !== COUNTERS_BYTES) throw damaged(env, 'has lost its counters');
  const fence = meta.get(META.fence);
  if (fence !== undefined && fence.length !== U48_BYTES) throw damaged(env, 'has lost its fence');
  const next = unpackCounters(value).offset;
  for (const { key, value } of offsets.range({ start: u48(MAX_TS), reverse: true, limit: 1 })) {
    const end = readU48(key, 0) + value.readUInt16BE(6);
    if (end > next) throw damaged(env, `holds id ${end - 1}, and would give ${next} next`);
  }
}

/** Returns the store's id. */
function createStore(env: Env, meta: Table): string {
  const store = randomUUID();
  env.transaction(() => {
    meta.put(META.format, Buffer.from(JSON.stringify({ format: STORE_FORMAT, store })));
    meta.put(META.next, packCounters(FIRST));
  });
  return store;
}

function readFormat(value: Buffer, env: Env): string {
  let format: unknown;
  let store: unknown;
  try {
    ({ format, store } = JSON.parse(value.toString('utf8')));
  } catch {
    // Reported below.
  }
  if (typeof format !== 'number' || typeof store !== 'string')
    throw damaged(env, 'has a format that cannot be read');
  if (format > STORE_FORMAT) {
    throw new StoreUnusable(
      `the store in ${env.dataDir} has format ${format}; this release reads up to ${STORE_FORMAT}: run a newer spyglass`,
    );
  }
  return store;
}

export function packCounters(counters: Counters): Buffer {
  const value = Buffer.allocUnsafe(COUNTERS_BYTES);
  value.writeUIntBE(counters.offset, 0, 6);
  value.writeUIntBE(counters.commit, 6, 6);
  value.writeUInt32BE(counters.app, 12);
  value.writeUInt32BE(counters.user, 16);
  value.writeUInt32BE(counters.name, 20);
  return value;
}

function unpackCounters(value: Buffer | undefined): Counters {
  if (!value) throw new StoreUnusable('the store has lost its counters: restore a backup');
  return {
    offset: readU48(value, 0),
    commit: readU48(value, 6),
    app: value.readUInt32BE(12),
    user: value.readUInt32BE(16),
    name: value.readUInt32BE(20),
  };
}

function metaOf(meta: Table) {
  const numberAt = (key: Buffer): number | undefined => {
    const value = meta.get(key);
    return value && readU48(value, 0);
  };
  return {
    counters: (): Counters => unpackCounters(meta.get(META.next)),
    /** Events with a lower `ts` do not exist for any read; a UTC midnight, 0 when nothing ever expired. */
    fence: () => numberAt(META.fence) ?? 0,
    /** The first id of the commit group that is applied in part, if one is. */
    begunAt: () => numberAt(META.begun),
  };
}

function logOver(tables: LogTables, storeId: string) {
  const dictionaries = openDictionaries(tables.dictionary);

  const { counters, fence, begunAt } = metaOf(tables.meta);

  const batch = ({ lastTs, offset }: Ref): RecordBatch => {
    const value = tables.log.get(timeKey(lastTs, offset));
    if (!value) throw new DamagedBatch(`batch at ${offset}: missing`);
    return decodeBatch(value, offset, dictionaries.text);
  };

  /** The batch that holds the id, if it is still there and above the fence. */
  const batchOf = (id: number): RecordBatch | undefined => {
    if (id < 1 || id > MAX_ID) return undefined;
    const [row] = tables.offsets.range({ start: u48(Math.min(id, MAX_TS)), reverse: true, limit: 1 });
    if (!row) return undefined;
    const offset = readU48(row.key, 0);
    const lastTs = readU48(row.value, 0);
    if (id >= offset + row.value.readUInt16BE(6) || lastTs < fence()) return undefined;
    return batch({ lastTs, offset });
  };

  function* refsFrom(id: number): Generator<Ref> {
    const below = fence();
    const holder = batchOf(id);
    const range = { start: u48(holder ? holder.offset : id), end: u48(MAX_TS) };
    for (const { key, value } of tables.offsets.scan(range)) {
      const lastTs = readU48(value, 0);
      if (lastTs >= below) yield { lastTs, offset: readU48(key, 0) };
    }
  }

  return {
    tables,
    storeId,
    begunAt,
    dictionaries,
    counters,
    /** The newest committed id; 0 before the first event. */
    head: () => counters().offset - 1,
    fence,
    /** The numbers of every app that ever had an event, ascending. */
    apps: () => Array.from({ length: counters().app - 1 }, (_, index) => index + 1),
    batch,
    batchOf,
    /** Batches in order of arrival from the one that holds `id`, or the next; without expired ones. */
    *arrivals(id: number) {
      for (const ref of refsFrom(id)) yield batch(ref);
    },
    /** The same, all read into the same memory: each is valid until the next. */
    scan: (id: number) => scan(tables.log, refsFrom(id), dictionaries.text),
    /** Every batch that can hold an event in the range, latest `lastTs` first, then greatest offset. */
    *newestFirst({ from, to }: { from: number; to: number }): Generator<BatchRef> {
      const range = {
        start: timeKey(lastTsBound(to), MAX_TS),
        end: timeKey(from, 0),
        reverse: true,
      } as const;
      for (const key of tables.log.scanKeys(range))
        yield { lastTs: readU48(key, 0), offset: readU48(key, 6), mask: 0xff };
    },
    event: (batch: RecordBatch, index: number): StoredEvent =>
      toEvent(batch, index, dictionaries.text('app', batch.app)),
  };
}

/** Reads batches one after the other, each into the memory of the one before. */
function* scan(table: Table, refs: Iterable<Ref>, textOf: TextOf): Generator<BatchView> {
  const reader = new BatchReader(textOf);
  let value: Buffer = Buffer.allocUnsafeSlow(1 << 16);
  const key = timeKey(0, 0);
  for (const { lastTs, offset } of refs) {
    put48(key, put48(key, 0, lastTs), offset);
    let length = table.copyInto(value, key);
    if (length === 0) throw new DamagedBatch(`batch at ${offset}: missing`);
    if (length > value.length) {
      value = Buffer.allocUnsafeSlow(length * 2);
      length = table.copyInto(value, key);
    }
    checkValue(value.subarray(0, length), offset);
    reader.read(value, 0, length, offset);
    yield reader;
  }
}
