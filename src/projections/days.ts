/**
 * Days: how many users were active on each UTC day, and which, so that nobody is counted twice.
 *
 * `days`: `[app u16][day u24][block u24]` → a bitmap of the users `block × 2,048 …`, cut after its last bit.
 * `day_users`: `[day u24][block u24]` → the same over all apps together. `day_counts`: `[app u16][day u24]` →
 * distinct users u32; app 0 stands for all apps.
 */
import { dayOf } from '../domain/utc.js';
import type { Env } from '../log/file/env.js';
import { put16, put24 } from '../log/file/keys.js';
import { obtain, type Projection } from './engine/projection.js';
import { removeBefore, removeRange, type StagedTable } from './engine/stage.js';

const BLOCK_USERS = 2_048;
const BITMAP_BYTES = BLOCK_USERS / 8;
const ALL_APPS = 0;
const DAYS_MAX = 2 ** 24;
/** Days of several apps that are counted at once. */
const WINDOW_DAYS = 64;

/** `[app u16][day u24]` */
export function dayKey(app: number, day: number): Buffer {
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

/** Users of one day that came, of an app or of all: a bitmap a block. */
interface DayFold {
  app: number;
  day: number;
  blocks: Map<number, Uint8Array>;
}

function addUser({ blocks }: DayFold, user: number): void {
  const bits = obtain(blocks, Math.floor(user / BLOCK_USERS), () => new Uint8Array(BITMAP_BYTES));
  const at = (user % BLOCK_USERS) >> 3;
  bits[at] = (bits[at] as number) | (1 << (user & 7));
}

/** Adds a block's users to those that were there, into `bits`; returns how many are new. */
function addKnown(bits: Uint8Array, known: Uint8Array | undefined): number {
  let fresh = 0;
  for (let at = 0; at < BITMAP_BYTES; at++) {
    const before = known?.[at] ?? 0;
    const after = before | (bits[at] as number);
    for (let added = before ^ after; added !== 0; added &= added - 1) fresh++;
    bits[at] = after;
  }
  return fresh;
}

function stageDay(table: StagedTable, counts: StagedTable, { app, day, blocks }: DayFold): void {
  let added = 0;
  for (const [block, bits] of blocks) {
    const key = app === ALL_APPS ? unionKey(day, block) : blockKey(app, day, block);
    const fresh = addKnown(bits, table.lend(key));
    if (fresh === 0) continue;
    added += fresh;
    let length = BITMAP_BYTES;
    while (bits[length - 1] === 0) length--;
    table.put(key, bits.subarray(0, length));
  }
  if (added === 0) return;
  const key = dayKey(app, day);
  const value = Buffer.allocUnsafe(4);
  value.writeUInt32LE((counts.get(key)?.readUInt32LE(0) ?? 0) + added, 0);
  counts.put(key, value);
}

export const days: Projection = {
  name: 'days',
  version: 2,
  tables: ['days', 'day_users', 'day_counts'],
  open(stage) {
    const [ofApps, ofAll] = [stage.table('days'), stage.table('day_users')];
    const counts = stage.table('day_counts');
    const folds = new Map<number, DayFold>();
    const foldOf = (app: number, day: number): DayFold =>
      obtain(folds, app * DAYS_MAX + day, () => ({ app, day, blocks: new Map() }));
    return {
      add({ app, user, firstTs }) {
        const day = dayOf(firstTs);
        addUser(foldOf(app, day), user);
        addUser(foldOf(ALL_APPS, day), user);
      },
      finish() {
        for (const fold of folds.values()) stageDay(fold.app === ALL_APPS ? ofAll : ofApps, counts, fold);
        folds.clear();
      },
    };
  },
  dropDays(stage, fence, limit) {
    const below = dayOf(fence);
    removeBefore(stage, 'days', (app) => dayKey(app, below), limit);
    removeBefore(stage, 'day_counts', (app) => dayKey(app, below), limit);
    removeRange(stage, 'day_users', { start: unionKey(0, 0), end: unionKey(below, 0) }, limit);
  },
};

export type Days = ReturnType<typeof openDays>;

export function openDays(env: Env) {
  const counts = env.table('day_counts');
  const blocks = env.table('days');

  function* countsOf(app: number, fromDay: number, toDay: number) {
    const range = { start: dayKey(app, fromDay), end: dayKey(app, toDay + 1) };
    for (const { key, value } of counts.range(range)) {
      yield { day: key.readUIntBE(2, 3), count: value.readUInt32LE(0) };
    }
  }

  /** The first day of the range on which an app has a user. */
  function firstDay(apps: readonly number[], fromDay: number, toDay: number): number | undefined {
    let first: number | undefined;
    for (const app of apps) {
      for (const { day } of countsOf(app, fromDay, first ?? toDay)) {
        first = day;
        break;
      }
    }
    return first;
  }

  /**
   * Several apps may share users: their bitmaps are joined, so that nobody is counted twice. Some days at a time:
   * memory grows with the users of these alone.
   */
  function* countTogether(apps: readonly number[], fromDay: number, toDay: number, check: () => void) {
    let from = firstDay(apps, fromDay, toDay);
    while (from !== undefined) {
      const end = Math.min(from + WINDOW_DAYS, toDay + 1);
      yield* countWindow(apps, from, end, check);
      from = firstDay(apps, end, toDay);
    }
  }

  /** Of the days from `from` to before `end`. */
  function countWindow(apps: readonly number[], from: number, end: number, check: () => void) {
    const days = new Map<number, Map<number, Uint8Array>>();
    const found = new Map<number, number>();
    for (const app of apps) {
      const range = { start: blockKey(app, from, 0), end: blockKey(app, end, 0) };
      for (const { key, value } of blocks.range(range)) {
        check();
        const day = key.readUIntBE(2, 3);
        const ofDay = obtain(days, day, () => new Map<number, Uint8Array>());
        const block = key.readUIntBE(5, 3);
        const bits = new Uint8Array(BITMAP_BYTES);
        bits.set(value);
        found.set(day, (found.get(day) ?? 0) + addKnown(bits, ofDay.get(block)));
        ofDay.set(block, bits);
      }
    }
    return [...found].sort(([a], [b]) => a - b).map(([day, count]) => ({ day, count }));
  }

  return {
    /**
     * Distinct users of whole days, ascending: of some apps together or, without a list, of all. `check` is called
     * for each row that is read before its day is known.
     */
    counts(apps: readonly number[] | undefined, fromDay: number, toDay: number, check: () => void) {
      if (apps === undefined) return countsOf(ALL_APPS, fromDay, toDay);
      const [first] = apps;
      if (apps.length === 1 && first !== undefined) return countsOf(first, fromDay, toDay);
      return countTogether(apps, fromDay, toDay, check);
    },
  };
}
