/**
 * Days: who was active on which UTC day, packed so that a day cut by a bound is still exact without reading the log.
 *
 * `days`: `[app u16][day u24][block u24]` → for the users `block × 256 …`: a bitmap of 32 bytes, then for each bit set, in
 * order, `[first u32][last u32]`, ms into the day. `day_users`: `[day u24][block u24]` → the bitmap over all apps together.
 * `day_counts`: `[app u16][day u24]` → distinct users u32; app 0 stands for all apps.
 */
import { DAY_MS } from '../limits.js';
import type { Env } from '../log/env.js';
import { packKey, prefixEnd } from '../log/keys.js';
import type { RecordBatch } from '../log/record-batch.js';
import { obtain, type Projection, type StagedTable } from './projection.js';

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

const dayKey = (app: number, day: number): Buffer =>
  packKey([
    [app, 2],
    [day, 3],
  ]);
const blockKey = (app: number, day: number, block: number): Buffer =>
  packKey([
    [app, 2],
    [day, 3],
    [block, 3],
  ]);
const unionKey = (day: number, block: number): Buffer =>
  packKey([
    [day, 3],
    [block, 3],
  ]);

/** The block's spans by user index, ascending. */
function unpackBlock(value: Buffer | undefined): Map<number, Span> {
  const spans = new Map<number, Span>();
  if (!value) return spans;
  let at = BITMAP_BYTES;
  for (let index = 0; index < BLOCK_USERS; index++) {
    if (!bitSet(value, index)) continue;
    spans.set(index, { first: value.readUInt32LE(at), last: value.readUInt32LE(at + 4) });
    at += ENTRY_BYTES;
  }
  return spans;
}

function packBlock(spans: ReadonlyMap<number, Span>): Buffer {
  const value = Buffer.alloc(BITMAP_BYTES + spans.size * ENTRY_BYTES);
  let at = BITMAP_BYTES;
  for (let index = 0; index < BLOCK_USERS; index++) {
    const span = spans.get(index);
    if (!span) continue;
    setBit(value, index);
    value.writeUInt32LE(span.first, at);
    value.writeUInt32LE(span.last, at + 4);
    at += ENTRY_BYTES;
  }
  return value;
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

function group(batches: readonly RecordBatch[]): Iterable<BlockFold> {
  const blocks = new Map<string, BlockFold>();
  for (const { app, user, firstTs, lastTs } of batches) {
    const day = dayOf(firstTs);
    const block = Math.floor(user / BLOCK_USERS);
    const fold = obtain(blocks, `${app}/${day}/${block}`, () => ({ app, day, block, spans: new Map() }));
    extend(fold.spans, user % BLOCK_USERS, { first: firstTs - day * DAY_MS, last: lastTs - day * DAY_MS });
  }
  return blocks.values();
}

/** Widens the user's span; tells whether it grew. */
function extend(spans: Map<number, Span>, index: number, span: Span): boolean {
  const known = spans.get(index);
  const first = Math.min(known?.first ?? span.first, span.first);
  const last = Math.max(known?.last ?? span.last, span.last);
  if (known && first === known.first && last === known.last) return false;
  spans.set(index, { first, last });
  return true;
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
  fold(stage, batches) {
    const blocks = stage.table('days');
    const dayUsers = stage.table('day_users');
    const unions = new Map<string, { key: Buffer; bits: Buffer }>();
    const counts = new Map<string, { key: Buffer; added: number }>();
    const count = (app: number, day: number, added: number): void => {
      obtain(counts, `${app}/${day}`, () => ({ key: dayKey(app, day), added: 0 })).added += added;
    };
    for (const fold of group(batches)) {
      const key = blockKey(fold.app, fold.day, fold.block);
      const spans = unpackBlock(blocks.get(key));
      const fresh: number[] = [];
      let changed = false;
      for (const [index, span] of fold.spans) {
        if (!spans.has(index)) fresh.push(index);
        changed = extend(spans, index, span) || changed;
      }
      if (changed) blocks.put(key, packBlock(spans));
      if (fresh.length === 0) continue;
      count(fold.app, fold.day, fresh.length);
      count(ALL_APPS, fold.day, addToUnion(unions, dayUsers, fold, fresh));
    }
    for (const { key, bits } of unions.values()) dayUsers.put(key, bits);
    stageCounts(stage.table('day_counts'), counts);
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
      drop('days', packKey([[app, 2]]));
      drop('day_counts', packKey([[app, 2]]));
    }
    drop('day_users', Buffer.from([]));
  },
};

/** The app numbers that lead keys of a table, ascending: one seek an app. */
export function appsIn(table: Pick<StagedTable, 'keys'>): number[] {
  const apps: number[] = [];
  let start: Buffer | undefined = packKey([[0, 2]]);
  while (start) {
    const [key]: Buffer[] = [...table.keys({ start, limit: 1 })];
    if (!key) return apps;
    const app: number = key.readUInt16BE(0);
    apps.push(app);
    start = app < 0xffff ? packKey([[app + 1, 2]]) : undefined;
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
      const active = new Set<number>();
      for (const app of apps) {
        const prefix = dayKey(app, day);
        for (const { key, value } of blocks.range({ start: prefix, end: prefixEnd(prefix) })) {
          const base = key.readUIntBE(5, 3) * BLOCK_USERS;
          let at = BITMAP_BYTES;
          for (let index = 0; index < BLOCK_USERS; index++) {
            if (!bitSet(value, index)) continue;
            const first = value.readUInt32LE(at);
            const last = value.readUInt32LE(at + 4);
            at += ENTRY_BYTES;
            if (last < from || first > to || active.has(base + index)) continue;
            if (first >= from || last <= to || hasEvent(app, base + index)) active.add(base + index);
          }
        }
      }
      return active.size;
    },
  };
}
