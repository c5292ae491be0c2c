/**
 * Days: how many users were active on each UTC day, and which, so that nobody is counted twice.
 *
 * `days`: `[app u16][day u24][block u24]` → a bitmap of the users `block × 2,048 …`, without the zero bytes at its end.
 * `day_users`: `[day u24][block u24]` → the same over all apps together. `day_counts`: `[app u16][day u24]` → distinct users
 * u32; app 0 stands for all apps.
 */
import { DAY_MS } from '../limits.js';
import type { Env } from '../log/env.js';
import { packKey, put16, put24, u16 } from '../log/keys.js';
import type { Projection } from './projection.js';
import type { StagedTable } from './stage.js';

const BLOCK_USERS = 2_048;
const BITMAP_BYTES = BLOCK_USERS / 8;
const ALL_APPS = 0;
const DAYS_MAX = 2 ** 24;

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

interface Block {
  key: Buffer;
  bits: Uint8Array;
  isChanged: boolean;
}

/** The users of one day: of an app, or of all. */
interface DayFold {
  table: StagedTable;
  countKey: Buffer;
  keyOf: (block: number) => Buffer;
  blocks: Map<number, Block>;
  /** Users who were not there before. */
  added: number;
}

function openBlock({ table, keyOf, blocks }: DayFold, number: number): Block {
  let block = blocks.get(number);
  if (block === undefined) {
    const key = keyOf(number);
    const bits = new Uint8Array(BITMAP_BYTES);
    const known = table.get(key);
    if (known) bits.set(known);
    block = { key, bits, isChanged: false };
    blocks.set(number, block);
  }
  return block;
}

/** Whether the user is new to the day. */
function addUser(day: DayFold, user: number): boolean {
  const block = openBlock(day, Math.floor(user / BLOCK_USERS));
  const at = (user % BLOCK_USERS) >> 3;
  const before = block.bits[at] as number;
  const after = before | (1 << (user & 7));
  if (after === before) return false;
  block.bits[at] = after;
  block.isChanged = true;
  day.added++;
  return true;
}

function stageDay({ table, countKey, blocks, added }: DayFold, counts: StagedTable): void {
  for (const { key, bits, isChanged } of blocks.values()) {
    if (!isChanged) continue;
    let length = BITMAP_BYTES;
    while (bits[length - 1] === 0) length--;
    table.put(key, bits.subarray(0, length));
  }
  if (added === 0) return;
  const value = Buffer.allocUnsafe(4);
  value.writeUInt32LE((counts.get(countKey)?.readUInt32LE(0) ?? 0) + added, 0);
  counts.put(countKey, value);
}

export const days: Projection = {
  name: 'days',
  version: 2,
  tables: ['days', 'day_users', 'day_counts'],
  open(stage) {
    const [ofApps, ofAll] = [stage.table('days'), stage.table('day_users')];
    const counts = stage.table('day_counts');
    const folds = new Map<number, DayFold>();
    const foldOf = (app: number, day: number): DayFold => {
      let fold = folds.get(app * DAYS_MAX + day);
      if (fold === undefined) {
        const all = app === ALL_APPS;
        fold = {
          table: all ? ofAll : ofApps,
          countKey: dayKey(app, day),
          keyOf: (block) => (all ? unionKey(day, block) : blockKey(app, day, block)),
          blocks: new Map(),
          added: 0,
        };
        folds.set(app * DAYS_MAX + day, fold);
      }
      return fold;
    };
    return {
      add({ app, user, firstTs }) {
        const day = dayOf(firstTs);
        if (addUser(foldOf(app, day), user)) addUser(foldOf(ALL_APPS, day), user);
      },
      finish() {
        for (const fold of folds.values()) stageDay(fold, counts);
        folds.clear();
      },
    };
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
}

export function openDays(env: Env): Days {
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
  };
}
