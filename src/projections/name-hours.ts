/**
 * Hours of names: how often a name occurred in each hour, and when in it, so that a day cut by a bound is counted exactly from
 * hours and the events of the quarter of an hour that the bound is in. Kept for the types whose names are counted over ranges.
 *
 * Hours and their quarters are UTC, since 1970. `hour_counts`: `[app u16][type u8][hour u32][block u24]` → counts of the names
 * `block × 512 …`. `hour_times`: `[quarter u32][app u16][type u8][block u32]` → its events in order of arrival, as the columns
 * `[name u32 …][ms into the quarter, low u16 …][high u8 …]`, little-endian: event k of the quarter lies in block ⌊k ÷ 580⌋, so that
 * a block fits one 4 KiB page. No more than a quarter or three is read at a time, so time comes first in the keys, and what is
 * written now lies together.
 */
import { EVENT_TYPES, type EventType } from '../event.js';
import type { Env } from '../log/env.js';
import { put8, put16, put24, put32 } from '../log/keys.js';
import type { BatchView } from '../log/record-batch.js';
import {
  BLOCK_BITS,
  BLOCK_NAMES,
  type CountsFold,
  kindsIn,
  type NameSums,
  openCountsFold,
} from './name-counts.js';
import { inUnits, type Part } from './nearest.js';
import { obtain, type Projection } from './projection.js';
import type { StagedTable } from './stage.js';

const HOUR_MS = 3_600_000;
const QUARTER_MS = HOUR_MS / 4;
const QUARTERS_MAX = 2 ** 29;
const TYPES: readonly EventType[] = ['event', 'pageview'];
/** By type code: whether its names are kept here. */
const isKept = EVENT_TYPES.map((type) => TYPES.includes(type));
const ROW_BYTES = 7;
/** What is left of a 4 KiB page for one value: ⌊4,060 ÷ 7⌋ rows. */
const BLOCK_ROWS = 580;
const BLOCK_MAX = 0xffff_ffff;
const NONE = new Float64Array(0);

const quarterOf = (ts: number): number => Math.floor(ts / QUARTER_MS);

function hourKey(app: number, type: number, hour: number): Buffer {
  const key = Buffer.allocUnsafe(7);
  put32(key, put8(key, put16(key, 0, app), type), hour);
  return key;
}

function countKey(app: number, type: number, hour: number, block: number): Buffer {
  const key = Buffer.allocUnsafe(10);
  put24(key, put32(key, put8(key, put16(key, 0, app), type), hour), block);
  return key;
}

function quarterKey(quarter: number, app: number, type: number): Buffer {
  const key = Buffer.allocUnsafe(7);
  put8(key, put16(key, put32(key, 0, quarter), app), type);
  return key;
}

function timesKey(quarter: number, app: number, type: number, block: number): Buffer {
  const key = Buffer.allocUnsafe(11);
  put32(key, put8(key, put16(key, put32(key, 0, quarter), app), type), block);
  return key;
}

/** One type of one app in a quarter of an hour: what came, in order of arrival. */
interface QuarterFold {
  app: number;
  type: number;
  quarter: number;
  times: number[];
  names: number[];
}

function addBatch(
  quarters: Map<number, QuarterFold>,
  { app, firstTs, count, ts, types, names }: BatchView,
): void {
  // A batch spans a minute at most: its events of a type go to one quarter, but where one ends within it.
  let quarter = quarterOf(firstTs);
  let ofType: (QuarterFold | undefined)[] = [];
  for (let i = 0; i < count; i++) {
    const type = types[i] as number;
    if (!isKept[type]) continue;
    const time = ts[i] as number;
    let into = time - quarter * QUARTER_MS;
    if (into < 0 || into >= QUARTER_MS) {
      quarter = quarterOf(time);
      into = time - quarter * QUARTER_MS;
      ofType = [];
    }
    const fold = ofType[type] ?? foldOf(quarters, app, type, quarter);
    ofType[type] = fold;
    fold.times.push(into);
    fold.names.push(names[i] as number);
  }
}

function foldOf(
  quarters: Map<number, QuarterFold>,
  app: number,
  type: number,
  quarter: number,
): QuarterFold {
  const make = () => ({ app, type, quarter, times: [], names: [] });
  return obtain(quarters, (app * 256 + type) * QUARTERS_MAX + quarter, make);
}

/** Columns of one block. */
interface Rows {
  length: number;
  names: Uint32Array;
  low: Uint16Array;
  high: Uint8Array;
}

/** Views the columns of a stored block; copies only when the bytes do not lie on a word boundary. */
function viewRows(value: Buffer): Rows {
  const { buffer, byteOffset, byteLength } = value.byteOffset % 4 === 0 ? value : new Uint8Array(value);
  const length = byteLength / ROW_BYTES;
  return {
    length,
    names: new Uint32Array(buffer, byteOffset, length),
    low: new Uint16Array(buffer, byteOffset + 4 * length, length),
    high: new Uint8Array(buffer, byteOffset + 6 * length, length),
  };
}

function packRows(known: Buffer | undefined, fresh: QuarterFold, from: number, to: number): Buffer {
  const before = known ? known.length / ROW_BYTES : 0;
  const value = Buffer.from(new ArrayBuffer((before + to - from) * ROW_BYTES));
  const { names, low, high } = viewRows(value);
  if (known) {
    const old = viewRows(known);
    names.set(old.names);
    low.set(old.low);
    high.set(old.high);
  }
  for (let i = from, at = before; i < to; i++, at++) {
    const time = fresh.times[i] as number;
    names[at] = fresh.names[i] as number;
    low[at] = time;
    high[at] = time >>> 16;
  }
  return value;
}

/** Where a quarter goes on: its last block while that has room, else the one after. */
function lastBlock(
  table: StagedTable,
  { app, type, quarter }: QuarterFold,
): { block: number; known: Buffer | undefined } {
  const first = table.get(timesKey(quarter, app, type, 0));
  if (first === undefined || first.length < BLOCK_ROWS * ROW_BYTES) return { block: 0, known: first };
  const range = { start: timesKey(quarter, app, type, BLOCK_MAX), end: quarterKey(quarter, app, type) };
  for (const { key, value } of table.range({ ...range, reverse: true, limit: 1 })) {
    const block = key.readUInt32BE(7);
    return value.length < BLOCK_ROWS * ROW_BYTES
      ? { block, known: value }
      : { block: block + 1, known: undefined };
  }
  return { block: 0, known: undefined };
}

function stageTimes(table: StagedTable, fold: QuarterFold): void {
  let { block, known } = lastBlock(table, fold);
  for (let at = 0; at < fold.times.length; block++, known = undefined) {
    const to = Math.min(fold.times.length, at + BLOCK_ROWS - (known?.length ?? 0) / ROW_BYTES);
    table.put(timesKey(fold.quarter, fold.app, fold.type, block), packRows(known, fold, at, to));
    at = to;
  }
}

export const nameHours: Projection = {
  name: 'name-hours',
  version: 2,
  tables: ['hour_counts', 'hour_times'],
  open(stage) {
    const table = stage.table('hour_counts');
    const times = stage.table('hour_times');
    const quarters = new Map<number, QuarterFold>();
    return {
      add: (batch) => addBatch(quarters, batch),
      finish() {
        const hours = new Map<number, CountsFold>();
        for (const fold of quarters.values()) {
          const { app, type, quarter, names } = fold;
          const hour = Math.floor(quarter / 4);
          const counts = obtain(hours, (app * 256 + type) * QUARTERS_MAX + hour, () =>
            openCountsFold(table, (block) => countKey(app, type, hour, block)),
          );
          for (const name of names) counts.add(name, 1);
          stageTimes(times, fold);
        }
        for (const counts of hours.values()) counts.stage();
        quarters.clear();
      },
    };
  },
  dropDays(stage, fence, limit) {
    const drop = (name: string, start: Buffer, end: Buffer): void => {
      if (stage.size >= limit) return;
      const table = stage.table(name);
      for (const key of table.keys({ start, end, limit: limit - stage.size })) table.remove(key);
    };
    drop('hour_times', quarterKey(0, 0, 0), quarterKey(quarterOf(fence), 0, 0));
    for (const [app, type] of kindsIn(stage.table('hour_counts'))) {
      drop('hour_counts', hourKey(app, type, 0), hourKey(app, type, fence / HOUR_MS));
    }
  },
};

export interface NameHours {
  /** Adds up how often names of a type occurred. Meant for hours, not for months. */
  addCounts(sums: NameSums, app: number, type: number, part: Part): void;
}

export function openNameHours(env: Env): NameHours {
  const counts = env.table('hour_counts');
  const times = env.table('hour_times');
  const addQuarter = (
    sums: NameSums,
    range: { start: Buffer; end: Buffer },
    [first, last]: readonly [number, number],
    sign: 1 | -1,
  ): void => {
    for (const { value } of times.range(range)) {
      const { length, names, low, high } = viewRows(value);
      let block = -1;
      let counts: Float64Array = NONE;
      for (let i = 0; i < length; i++) {
        const time = (low[i] as number) | ((high[i] as number) << 16);
        if (time < first || time > last) continue;
        const name = names[i] as number;
        if (name >>> BLOCK_BITS !== block) {
          block = name >>> BLOCK_BITS;
          counts = sums.sumsOf(block);
        }
        const index = name & (BLOCK_NAMES - 1);
        counts[index] = (counts[index] as number) + sign;
      }
    }
  };

  return {
    addCounts(sums, app, type, part) {
      inUnits(
        HOUR_MS,
        part,
        (first, last) => {
          const range = { start: hourKey(app, type, first), end: hourKey(app, type, last + 1) };
          for (const { key, value } of counts.range(range))
            sums.addRow(key.readUIntBE(7, 3), value, part.sign);
        },
        ({ from, end, sign }) => {
          for (let quarter = quarterOf(from); quarter * QUARTER_MS < end; quarter++) {
            const start = quarter * QUARTER_MS;
            const range = {
              start: timesKey(quarter, app, type, 0),
              end: timesKey(quarter, app, type + 1, 0),
            };
            addQuarter(sums, range, [from - start, end - 1 - start], sign);
          }
        },
      );
    },
  };
}
