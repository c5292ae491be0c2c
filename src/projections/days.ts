/**
 * Days: who was active on which UTC day, packed so that a day cut by a bound is still exact without reading the log.
 *
 * `days`: `[app u16][day u24][block u24]` → for the users `block × 256 …`: a bitmap of 32 bytes, then for each bit set, in
 * order, `[first u32][last u32]`, ms into the day. `day_users`: `[day u24][block u24]` → the bitmap over all apps together.
 * `day_counts`: `[app u16][day u24]` → distinct users u32; app 0 stands for all apps.
 */
import { DAY_MS } from '../limits.js';
import type { Env } from '../log/env.js';
import { packKey, prefixEnd, put16, put24, u16 } from '../log/keys.js';
import type { BatchView } from '../log/record-batch.js';
import { obtain, type Projection } from './projection.js';
import type { StagedTable } from './stage.js';

const BLOCK_USERS = 256;
const BITMAP_BYTES = BLOCK_USERS / 8;
const ENTRY_BYTES = 8;
const ALL_APPS = 0;

/** The part of a day a user was active in, in ms since its midnight, both inclusive. */
interface Span {
  first: number;
  last: number;
}

export const dayOf = (ts: number): number => Math.floor(ts / DAY_MS);
/** UTC `YYYY-MM-DD`; years past 9999, which `MAX_TS` reaches, carry ISO 8601's sign and six digits. */
export const dayName = (day: number): string => new Date(day * DAY_MS).toISOString().replace(/T.*$/, '');

function dayKey(app: number, day: number): Buffer {
  const key = Buffer.allocUnsafe(5);
  put24(key, put16(key, 0, app), day);
  return key;
}

function blockKey(app: number, day: number, block: number): Buffer {
  const key = Buffer.allocUnsafe(8);
  put24(key, put24(key, put16(key, 0, app), day), block);
  return key;
}

function unionKey(day: number, block: number): Buffer {
  const key = Buffer.allocUnsafe(6);
  put24(key, put24(key, 0, day), block);
  return key;
}

/** A block, unpacked: first and last by user index, where the bitmap has its bit. */
interface Block {
  bitmap: Uint8Array;
  users: number;
  first: Uint32Array;
  last: Uint32Array;
}

/** The one block that is being folded: unpacked, widened and packed before the next. */
const folding: Block = {
  bitmap: new Uint8Array(BITMAP_BYTES),
  users: 0,
  first: new Uint32Array(BLOCK_USERS),
  last: new Uint32Array(BLOCK_USERS),
};

function unpackInto(block: Block, value: Buffer | undefined): void {
  block.users = 0;
  if (!value) {
    block.bitmap.fill(0);
    return;
  }
  block.bitmap.set(value.subarray(0, BITMAP_BYTES));
  let at = BITMAP_BYTES;
  for (let index = 0; index < BLOCK_USERS; index++) {
    if (!bitSet(value, index)) continue;
    block.first[index] = value.readUInt32LE(at);
    block.last[index] = value.readUInt32LE(at + 4);
    block.users++;
    at += ENTRY_BYTES;
  }
}

function packBlock({ bitmap, users, first, last }: Block): Buffer {
  const value = Buffer.allocUnsafe(BITMAP_BYTES + users * ENTRY_BYTES);
  value.set(bitmap);
  let at = BITMAP_BYTES;
  for (let index = 0; index < BLOCK_USERS; index++) {
    if (!bitSet(bitmap, index)) continue;
    value.writeUInt32LE(first[index] as number, at);
    value.writeUInt32LE(last[index] as number, at + 4);
    at += ENTRY_BYTES;
  }
  return value;
}

/** Widens the block by a user's span. */
function widen(block: Block, index: number, span: Span): 'new' | 'wider' | 'same' {
  const { bitmap, first, last } = block;
  if (!bitSet(bitmap, index)) {
    setBit(bitmap, index);
    block.users++;
    first[index] = span.first;
    last[index] = span.last;
    return 'new';
  }
  if (span.first >= (first[index] as number) && span.last <= (last[index] as number)) return 'same';
  first[index] = Math.min(first[index] as number, span.first);
  last[index] = Math.max(last[index] as number, span.last);
  return 'wider';
}

const bitSet = (bytes: Uint8Array, index: number): boolean =>
  (((bytes[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
function setBit(bytes: Uint8Array, index: number): void {
  bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (1 << (index & 7));
}

interface BlockFold {
  app: number;
  day: number;
  block: number;
  spans: Map<number, Span>;
}

function addBatch(folds: Map<string, BlockFold>, { app, user, firstTs, lastTs }: BatchView): void {
  const day = dayOf(firstTs);
  const block = Math.floor(user / BLOCK_USERS);
  const fold = obtain(folds, `${app}/${day}/${block}`, () => ({ app, day, block, spans: new Map() }));
  extend(fold.spans, user % BLOCK_USERS, firstTs - day * DAY_MS, lastTs - day * DAY_MS);
}

function extend(spans: Map<number, Span>, index: number, first: number, last: number): void {
  const known = spans.get(index);
  if (!known) {
    spans.set(index, { first, last });
    return;
  }
  known.first = Math.min(known.first, first);
  known.last = Math.max(known.last, last);
}

/** Adds the users to the day's bitmap over all apps; returns how many are new to it. */
function addToUnion(
  unions: Map<string, { key: Buffer; bits: Buffer }>,
  table: StagedTable,
  fold: BlockFold,
  fresh: number[],
): number {
  const union = obtain(unions, `${fold.day}/${fold.block}`, () => {
    const key = unionKey(fold.day, fold.block);
    return { key, bits: Buffer.from(table.get(key) ?? Buffer.alloc(BITMAP_BYTES)) };
  });
  const added = fresh.filter((index) => !bitSet(union.bits, index));
  for (const index of added) setBit(union.bits, index);
  return added.length;
}

function stageCounts(table: StagedTable, counts: ReadonlyMap<string, { key: Buffer; added: number }>): void {
  for (const { key, added } of counts.values()) {
    if (added === 0) continue;
    const value = Buffer.allocUnsafe(4);
    value.writeUInt32LE((table.get(key)?.readUInt32LE(0) ?? 0) + added, 0);
    table.put(key, value);
  }
}

export const days: Projection = {
  name: 'days',
  version: 1,
  tables: ['days', 'day_users', 'day_counts'],
  fold(stage) {
    const folds = new Map<string, BlockFold>();
    return { add: (batch) => addBatch(folds, batch), finish: () => {
    const blocks = stage.table('days');
    const dayUsers = stage.table('day_users');
    const unions = new Map<string, { key: Buffer; bits: Buffer }>();
    const counts = new Map<string, { key: Buffer; added: number }>();
    const count = (app: number, day: number, added: number): void => {
      obtain(counts, `${app}/${day}`, () => ({ key: dayKey(app, day), added: 0 })).added += added;
    };
    for (const fold of folds.values()) {
      const key = blockKey(fold.app, fold.day, fold.block);
      unpackInto(folding, blocks.get(key));
      const fresh: number[] = [];
      let changed = false;
      for (const [index, span] of fold.spans) {
        const how = widen(folding, index, span);
        if (how === 'new') fresh.push(index);
        if (how !== 'same') changed = true;
      }
      if (changed) blocks.put(key, packBlock(folding));
      if (fresh.length === 0) continue;
      count(fold.app, fold.day, fresh.length);
      count(ALL_APPS, fold.day, addToUnion(unions, dayUsers, fold, fresh));
    }
    for (const { key, bits } of unions.values()) dayUsers.put(key, bits);
    stageCounts(stage.table('day_counts'), counts);
  } };
  },
  dropDays(stage, fence, limit) {
    const below = dayOf(fence);
    const drop = (name: string, prefix: Buffer): void => {
      if (stage.size >= limit) return;
      const table = stage.table(name);
      const end = Buffer.concat([prefix, packKey([[below, 3]])]);
      for (const key of table.keys({ start: prefix, end, limit: limit - stage.size })) table.remove(key);
    };
    for (const app of appsIn(stage.table('day_counts'))) {
      drop('days', u16(app));
      drop('day_counts', u16(app));
    }
    drop('day_users', Buffer.from([]));
  },
};

/** The app numbers that lead keys of a table, ascending: one seek an app. */
export function appsIn(table: Pick<StagedTable, 'keys'>): number[] {
  const apps: number[] = [];
  let start: Buffer | undefined = u16(0);
  while (start) {
    const [key]: Buffer[] = [...table.keys({ start, limit: 1 })];
    if (!key) return apps;
    const app: number = key.readUInt16BE(0);
    apps.push(app);
    start = app < 0xffff ? u16(app + 1) : undefined;
  }
  return apps;
}

export interface Days {
  /** Distinct users of whole days, of one app or, without it, of all together. */
  counts(app: number | undefined, fromDay: number, toDay: number): Generator<{ day: number; count: number }>;
  /**
   * Distinct users of the apps on one day within `[from, to]`, ms into the day. `hasEvent` is asked only about users
   * seen both before and after a range inside the day.
   */
  countWithin(
    apps: readonly number[],
    day: number,
    bounds: { from: number; to: number },
    hasEvent: (app: number, user: number) => boolean,
  ): number;
}

export function openDays(env: Env): Days {
  const blocks = env.table('days');
  const counts = env.table('day_counts');
  return {
    *counts(app = ALL_APPS, fromDay, toDay) {
      for (const { key, value } of counts.range({
        start: dayKey(app, fromDay),
        end: dayKey(app, toDay + 1),
      })) {
        yield { day: key.readUIntBE(2, 3), count: value.readUInt32LE(0) };
      }
    },
    countWithin(apps, day, { from, to }, hasEvent) {
      /** By block: users known to be active, by whichever app. */
      const active = new Map<number, Uint8Array>();
      let count = 0;
      for (const app of apps) {
        const prefix = dayKey(app, day);
        for (const { key, value } of blocks.range({ start: prefix, end: prefixEnd(prefix) })) {
          const block = key.readUIntBE(5, 3);
          const known = obtain(active, block, () => new Uint8Array(BITMAP_BYTES));
          let at = BITMAP_BYTES;
          for (let byte = 0; byte < BITMAP_BYTES; byte++) {
            for (let bits = value[byte] as number; bits !== 0; bits &= bits - 1) {
              const index = byte * 8 + 31 - Math.clz32(bits & -bits);
              const first = value.readUInt32LE(at);
              const last = value.readUInt32LE(at + 4);
              at += ENTRY_BYTES;
              if (last < from || first > to || bitSet(known, index)) continue;
              if (first < from && last > to && !hasEvent(app, block * BLOCK_USERS + index)) continue;
              setBit(known, index);
              count++;
            }
          }
        }
      }
      return count;
    },
  };
}
