/**
 * Hours of names: how often a name occurred in each hour, and when in it, so that a day cut by a bound is counted exactly from
 * hours and the events of the one hour that the bound is in. Kept for the types whose names are counted over ranges.
 *
 * Hours are UTC, since 1970. `hour_counts`: `[app u16][type u8][hour u32][block u24]` → counts of the names `block × 512 …`.
 * `hour_times`: `[app u16][type u8][hour u32][block u32]` → an event, in order of arrival: `[ms into the hour u24][name u32]`,
 * little-endian; event k of the hour lies in block ⌊k ÷ 580⌋, so that a block fits one 4 KiB page.
 */
import { EVENT_TYPES, type EventType } from '../event.js';
import type { Env } from '../log/env.js';
import { prefixEnd, put8, put16, put24, put32 } from '../log/keys.js';
import type { BatchView } from '../log/record-batch.js';
import { kindsIn, type NameSums, openCountsFold } from './name-counts.js';
import { obtain, type Projection } from './projection.js';
import type { StagedTable } from './stage.js';

const HOUR_MS = 3_600_000;
const TYPES: readonly EventType[] = ['event', 'pageview'];
/** By type code: whether its names are kept here. */
const isKept = EVENT_TYPES.map((type) => TYPES.includes(type));
const ROW_BYTES = 7;
/** What is left of a 4 KiB page for one value: ⌊4,060 ÷ 7⌋ rows. */
export const BLOCK_ROWS = 580;
const BLOCK_MAX = 0xffff_ffff;

const hourOf = (ts: number): number => Math.floor(ts / HOUR_MS);

function hourKey(app: number, type: number, hour: number): Buffer {
  const key = Buffer.allocUnsafe(7);
  put32(key, put8(key, put16(key, 0, app), type), hour);
  return key;
}

function countKey(hour: Buffer, block: number): Buffer {
  const key = Buffer.allocUnsafe(10);
  hour.copy(key);
  put24(key, 7, block);
  return key;
}

function timesKey(hour: Buffer, block: number): Buffer {
  const key = Buffer.allocUnsafe(11);
  hour.copy(key);
  put32(key, 7, block);
  return key;
}

/** One type of one app in one hour: what came, in order of arrival. */
interface HourFold {
  prefix: Buffer;
  times: number[];
  names: number[];
}

function addBatch(hours: Map<string, HourFold>, { app, firstTs, count, ts, types, names }: BatchView): void {
  {
    // A batch spans a minute at most: its events of a type go to one hour, but where an hour ends within it.
    let start = hourOf(firstTs) * HOUR_MS;
    let ofType: (HourFold | undefined)[] = [];
    for (let i = 0; i < count; i++) {
      const type = types[i] as number;
      if (!isKept[type]) continue;
      const time = ts[i] as number;
      if (time < start || time >= start + HOUR_MS) {
        start = hourOf(time) * HOUR_MS;
        ofType = [];
      }
      let fold = ofType[type];
      if (fold === undefined) {
        const hour = start / HOUR_MS;
        const make = () => ({ prefix: hourKey(app, type, hour), times: [], names: [] });
        fold = obtain(hours, `${app}/${type}/${hour}`, make);
        ofType[type] = fold;
      }
      fold.times.push(time - start);
      fold.names.push(names[i] as number);
    }
  }
}

const readU24 = (bytes: Buffer, at: number): number =>
  (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);

function packRows(known: Buffer | undefined, { times, names }: HourFold, from: number, to: number): Buffer {
  let at = known?.length ?? 0;
  const value = Buffer.allocUnsafe(at + (to - from) * ROW_BYTES);
  if (known) value.set(known);
  for (let i = from; i < to; i++, at += ROW_BYTES) {
    const time = times[i] as number;
    const name = names[i] as number;
    value[at] = time;
    value[at + 1] = time >>> 8;
    value[at + 2] = time >>> 16;
    value[at + 3] = name;
    value[at + 4] = name >>> 8;
    value[at + 5] = name >>> 16;
    value[at + 6] = name >>> 24;
  }
  return value;
}

/** Where an hour goes on: its last block while that has room, else the one after. */
function lastBlock(table: StagedTable, prefix: Buffer): { block: number; known: Buffer | undefined } {
  const range = { start: timesKey(prefix, BLOCK_MAX), end: prefix, reverse: true as const, limit: 1 };
  for (const { key, value } of table.range(range)) {
    const block = key.readUInt32BE(7);
    return value.length < BLOCK_ROWS * ROW_BYTES
      ? { block, known: value }
      : { block: block + 1, known: undefined };
  }
  return { block: 0, known: undefined };
}

function stageTimes(table: StagedTable, fold: HourFold): void {
  let { block, known } = lastBlock(table, fold.prefix);
  for (let at = 0; at < fold.times.length; block++, known = undefined) {
    const to = Math.min(fold.times.length, at + BLOCK_ROWS - (known?.length ?? 0) / ROW_BYTES);
    table.put(timesKey(fold.prefix, block), packRows(known, fold, at, to));
    at = to;
  }
}

function stageCounts(table: StagedTable, { prefix, names }: HourFold): void {
  const counts = openCountsFold(table, (block) => countKey(prefix, block));
  for (const name of names) counts.add(name, 1);
  counts.stage();
}

export const nameHours: Projection = {
  name: 'name-hours',
  version: 1,
  tables: ['hour_counts', 'hour_times'],
  fold(stage) {
    const hours = new Map<string, HourFold>();
    return {
      add: (batch) => addBatch(hours, batch),
      finish() {
        const counts = stage.table('hour_counts');
        const times = stage.table('hour_times');
        for (const fold of hours.values()) {
          stageCounts(counts, fold);
          stageTimes(times, fold);
        }
      },
    };
  },
  dropDays(stage, fence, limit) {
    // The times first: it is the counts that lead back here.
    for (const [app, type] of kindsIn(stage.table('hour_counts'))) {
      const range = { start: hourKey(app, type, 0), end: hourKey(app, type, hourOf(fence)) };
      for (const name of ['hour_times', 'hour_counts']) {
        if (stage.size >= limit) return;
        const table = stage.table(name);
        for (const key of table.keys({ ...range, limit: limit - stage.size })) table.remove(key);
      }
    }
  },
};

export interface NameHours {
  /** Adds up how often names of a type occurred from `from` to `to`, both inclusive. Meant for hours, not for months. */
  addCounts(sums: NameSums, app: number, type: number, from: number, to: number): void;
}

export function openNameHours(env: Env): NameHours {
  const counts = env.table('hour_counts');
  const times = env.table('hour_times');

  const addWhole = (sums: NameSums, app: number, type: number, first: number, last: number): void => {
    if (first > last) return;
    for (const { key, value } of counts.range({
      start: hourKey(app, type, first),
      end: hourKey(app, type, last + 1),
    })) {
      sums.addRow(key.readUIntBE(7, 3), value);
    }
  };

  const addPart = (sums: NameSums, prefix: Buffer, from: number, to: number): void => {
    for (const { value } of times.range({ start: prefix, end: prefixEnd(prefix) })) {
      for (let at = 0; at < value.length; at += ROW_BYTES) {
        const time = readU24(value, at);
        if (time >= from && time <= to) sums.add(value.readUInt32LE(at + 3), 1);
      }
    }
  };

  return {
    addCounts(sums, app, type, from, to) {
      const first = hourOf(from);
      const last = hourOf(to);
      const startCut = from > first * HOUR_MS;
      const endCut = to < (last + 1) * HOUR_MS - 1;
      const part = (hour: number): void =>
        addPart(sums, hourKey(app, type, hour), from - hour * HOUR_MS, to - hour * HOUR_MS);
      addWhole(sums, app, type, startCut ? first + 1 : first, endCut ? last - 1 : last);
      if (startCut) part(first);
      if (endCut && !(startCut && first === last)) part(last);
    },
  };
}
