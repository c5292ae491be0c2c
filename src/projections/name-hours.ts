/**
 * Hours of names: how often a name occurred in each UTC hour, and when, so that a cut day is counted exactly.
 * Kept for the types whose names are counted over ranges.
 *
 * `hour_counts`: `[app u16][type u8][hour u32][block u24]` → counts of the names `block × 512 …`.
 * `hour_times`: `[quarter of an hour u32][app u16][type u8][block u32]` → its events by name, little-endian:
 * `[least u24][greatest u24][names n u16]` (least and greatest of all times), n × `[name u32][events u16]` in
 * the order they first came, then the events of each name in turn, `[ms into the quarter u24]`, in order of arrival. Event k of the quarter
 * lies in block ⌊k ÷ 900⌋. Time comes first in the keys, so that what is written now lies together.
 */
import { EVENT_TYPES, type EventType } from '../domain/event.js';
import { HOUR_MS } from '../domain/limits.js';
import type { BatchView } from '../log/batches/record-batch.js';
import type { Env } from '../log/file/env.js';
import { put8, put16, put24, put32 } from '../log/file/keys.js';
import { appendRows, lastBlock } from './blocks.js';
import { obtain, type Projection } from './engine/projection.js';
import { removeRange, type StagedTable } from './engine/stage.js';
import { type CountsFold, kindsIn, type NameSums, openCountsFold } from './name-counts.js';
import { inUnits, type Part } from './nearest.js';

const QUARTER_MS = HOUR_MS / 4;
const QUARTERS_MAX = 2 ** 29;
const TYPES: readonly EventType[] = ['event', 'pageview'];
/** By type code: whether its names are kept here. */
const isKept = EVENT_TYPES.map((type) => TYPES.includes(type));
const HEAD_BYTES = 8;
const NAME_BYTES = 6;
const TIME_BYTES = 3;
const BLOCK_ROWS = 900;

const quarterOf = (ts: number): number => Math.floor(ts / QUARTER_MS);

function countKey(app: number, type: number, hour: number, block: number): Buffer {
  const key = Buffer.allocUnsafe(10);
  put24(key, put32(key, put8(key, put16(key, 0, app), type), hour), block);
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
  // A batch spans a minute at most, so the events of a type mostly go to one quarter.
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

function foldOf(quarters: Map<number, QuarterFold>, app: number, type: number, quarter: number): QuarterFold {
  const make = () => ({ app, type, quarter, times: [], names: [] });
  return obtain(quarters, (app * 256 + type) * QUARTERS_MAX + quarter, make);
}

const readU24 = (bytes: Buffer, at: number): number =>
  (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);

function putU24(bytes: Buffer, at: number, value: number): number {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  return at + TIME_BYTES;
}

const namesIn = (value: Buffer): number => (value[6] as number) | ((value[7] as number) << 8);
const nameAt = (value: Buffer, at: number): number =>
  (readU24(value, at) | ((value[at + 3] as number) << 24)) >>> 0;
const eventsAt = (value: Buffer, at: number): number =>
  (value[at + 4] as number) | ((value[at + 5] as number) << 8);
const rowsIn = (value: Buffer): number =>
  (value.length - HEAD_BYTES - namesIn(value) * NAME_BYTES) / TIME_BYTES;

/** The one block that is being packed: the names by index, their events, and where the next time goes. */
const packing = {
  names: new Uint32Array(BLOCK_ROWS),
  events: new Uint16Array(BLOCK_ROWS),
  next: new Uint32Array(BLOCK_ROWS),
  /** By fresh event. */
  index: new Uint16Array(BLOCK_ROWS),
};

/** Over twice a block's names, as a power of two. */
const SLOT_BITS = 11;
/** By hash of a name, with linear probing: its index and one more. A map takes new memory for each block. */
const slots = new Uint16Array(1 << SLOT_BITS);

/** A name's index in `packing`; `length`, where it is put, if it has none yet. */
function indexOf(name: number, length: number): number {
  const { names, events } = packing;
  let slot = Math.imul(name, 0x9e37_79b1) >>> (32 - SLOT_BITS);
  for (let at = slots[slot] as number; at !== 0; at = slots[slot] as number) {
    if (names[at - 1] === name) return at - 1;
    slot = (slot + 1) % slots.length;
  }
  slots[slot] = length + 1;
  names[length] = name;
  events[length] = 0;
  return length;
}

function packBlock(known: Buffer | undefined, fresh: QuarterFold, from: number, end: number): Buffer {
  const { names, events, next, index } = packing;
  slots.fill(0);
  const before = known ? namesIn(known) : 0;
  if (before > BLOCK_ROWS) throw new RangeError(`a block of ${before} names`);
  for (let i = 0; known && i < before; i++) {
    const at = HEAD_BYTES + i * NAME_BYTES;
    indexOf(nameAt(known, at), i);
    events[i] = eventsAt(known, at);
  }
  let length = before;
  for (let i = from; i < end; i++) {
    const at = indexOf(fresh.names[i] as number, length);
    if (at === length) length++;
    events[at] = (events[at] as number) + 1;
    index[i - from] = at;
  }

  const rows = (known ? rowsIn(known) : 0) + end - from;
  const value = Buffer.allocUnsafe(HEAD_BYTES + length * NAME_BYTES + rows * TIME_BYTES);
  let at = HEAD_BYTES + length * NAME_BYTES;
  let knownAt = HEAD_BYTES + before * NAME_BYTES;
  for (let i = 0; i < length; i++) {
    const ofName = putU24(value, HEAD_BYTES + i * NAME_BYTES, names[i] as number);
    value[ofName] = (names[i] as number) >>> 24;
    value[ofName + 1] = events[i] as number;
    value[ofName + 2] = (events[i] as number) >>> 8;
    next[i] = at;
    if (known && i < before) {
      const knownEnd = knownAt + eventsAt(known, HEAD_BYTES + i * NAME_BYTES) * TIME_BYTES;
      // A few bytes a name: a loop beats the call.
      let to = at;
      while (knownAt < knownEnd) value[to++] = known[knownAt++] as number;
      next[i] = to;
    }
    at += (events[i] as number) * TIME_BYTES;
  }
  let least = known ? readU24(known, 0) : QUARTER_MS;
  let greatest = known ? readU24(known, 3) : 0;
  for (let i = from; i < end; i++) {
    const time = fresh.times[i] as number;
    const of = index[i - from] as number;
    next[of] = putU24(value, next[of] as number, time);
    if (time < least) least = time;
    if (time > greatest) greatest = time;
  }
  putU24(value, putU24(value, 0, least), greatest);
  value[6] = length;
  value[7] = length >>> 8;
  return value;
}

function stageTimes(table: StagedTable, fold: QuarterFold): void {
  const key = timesKey(fold.quarter, fold.app, fold.type, 0);
  const last = lastBlock(table, key, BLOCK_ROWS, rowsIn);
  appendRows(table, key, BLOCK_ROWS, last, fold.times.length, (known, from, to) =>
    packBlock(known, fold, from, to),
  );
}

function openHour(table: StagedTable, { app, type, quarter }: QuarterFold): CountsFold {
  const hour = Math.floor(quarter / 4);
  return openCountsFold(table, (block) => countKey(app, type, hour, block));
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
        // Hour by hour: the counts of thousands of hours at once would be megabytes.
        let hour = -1;
        let counts: CountsFold | undefined;
        for (const key of Float64Array.from(quarters.keys()).sort()) {
          const fold = quarters.get(key) as QuarterFold;
          const hourKey = Math.floor(key / 4);
          if (hourKey !== hour) {
            counts?.stage();
            hour = hourKey;
            counts = openHour(table, fold);
          }
          for (const name of fold.names) counts?.add(name, 1);
          stageTimes(times, fold);
        }
        counts?.stage();
        quarters.clear();
      },
    };
  },
  dropDays(stage, fence, limit) {
    const quarters = { start: timesKey(0, 0, 0, 0), end: timesKey(quarterOf(fence), 0, 0, 0) };
    removeRange(stage, 'hour_times', quarters, limit);
    for (const [app, type] of kindsIn(stage.table('hour_counts'))) {
      const hours = { start: countKey(app, type, 0, 0), end: countKey(app, type, fence / HOUR_MS, 0) };
      removeRange(stage, 'hour_counts', hours, limit);
    }
  },
};

export type NameHours = ReturnType<typeof openNameHours>;

export function openNameHours(env: Env) {
  const counts = env.table('hour_counts');
  const times = env.table('hour_times');
  /** Adds what a quarter of an hour has in a part of time. */
  const addQuarter = (
    sums: NameSums,
    app: number,
    type: number,
    { quarter, part }: { quarter: number; part: Part },
    check: () => void,
  ): void => {
    const first = part.from - quarter * QUARTER_MS;
    const last = part.end - 1 - quarter * QUARTER_MS;
    const range = { start: timesKey(quarter, app, type, 0), end: timesKey(quarter, app, type + 1, 0) };
    for (const { value } of times.scan(range)) {
      check();
      const [least, greatest] = [readU24(value, 0), readU24(value, 3)];
      if (greatest < first || least > last) continue;
      const isInside = least >= first && greatest <= last;
      const timesAt = HEAD_BYTES + namesIn(value) * NAME_BYTES;
      for (let at = HEAD_BYTES, timeAt = timesAt; at < timesAt; at += NAME_BYTES) {
        const end = timeAt + eventsAt(value, at) * TIME_BYTES;
        let count = 0;
        if (isInside) {
          count = eventsAt(value, at);
          timeAt = end;
        }
        for (; timeAt < end; timeAt += TIME_BYTES) {
          // Not by `readU24`: until this is compiled, the calls take most of the time.
          const time =
            (value[timeAt] as number) |
            ((value[timeAt + 1] as number) << 8) |
            ((value[timeAt + 2] as number) << 16);
          if (time >= first && time <= last) count++;
        }
        sums.add(nameAt(value, at), part.sign * count);
      }
    }
  };

  return {
    /** Adds up how often names of a type occurred. Meant for hours, not for months. */
    addCounts(sums: NameSums, app: number, type: number, part: Part, check: () => void): void {
      const addHours = (first: number, last: number): void => {
        const range = { start: countKey(app, type, first, 0), end: countKey(app, type, last + 1, 0) };
        for (const { key, value } of counts.scan(range)) {
          check();
          sums.addRow(key.readUIntBE(7, 3), value, part.sign);
        }
      };
      inUnits(HOUR_MS, part, addHours, (rest) => {
        for (let quarter = quarterOf(rest.from); quarter * QUARTER_MS < rest.end; quarter++) {
          addQuarter(sums, app, type, { quarter, part: rest }, check);
        }
      });
    },
  };
}
