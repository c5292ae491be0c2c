/**
 * Errors: how many errors each UTC day had, by hour, and when, so that a cut day is counted exactly.
 *
 * `error_counts`: `[app u16][day u24]` → errors of each of its hours, u32 × 24. `error_times`:
 * `[app u16][hour u32][block u32]` → ms into the hour, u32 each, in order of arrival: error k of the hour
 * lies in block ⌊k ÷ 1,000⌋. All little-endian.
 */
import { EVENT_TYPES } from '../domain/event.js';
import { DAY_MS, HOUR_MS } from '../domain/limits.js';
import { dayOf } from '../domain/utc.js';
import type { BatchView } from '../log/batches/record-batch.js';
import type { Env } from '../log/file/env.js';
import { appendRows, blockAfter } from './blocks.js';
import { dayKey } from './days.js';
import { obtain, type Projection } from './engine/projection.js';
import { removeBefore, type StagedTable } from './engine/stage.js';
import { hourBlockKey, viewNumbers } from './hours.js';

const ERROR = EVENT_TYPES.indexOf('error');
const HOURS = 24;
const BLOCK_TIMES = 1_000;
const TIME_BYTES = 4;
const DAYS_MAX = 2 ** 24;

const sum = (numbers: Uint32Array, from: number, end: number): number => {
  let total = 0;
  for (let i = from; i < end; i++) total += numbers[i] as number;
  return total;
};

/** One day of an app: what came, by hour. */
interface DayFold {
  app: number;
  day: number;
  times: (number[] | undefined)[];
}

function addBatch(days: Map<number, DayFold>, { app, firstTs, count, ts, types }: BatchView): void {
  const day = dayOf(firstTs);
  for (let i = 0; i < count; i++) {
    if (types[i] !== ERROR) continue;
    const fold = obtain(days, app * DAYS_MAX + day, () => ({ app, day, times: [] }));
    const time = (ts[i] as number) - day * DAY_MS;
    const hour = Math.floor(time / HOUR_MS);
    fold.times[hour] ??= [];
    fold.times[hour].push(time - hour * HOUR_MS);
  }
}

/** Stages the times behind the `count` that the hour has. */
function stageTimes(
  table: StagedTable,
  app: number,
  hour: number,
  count: number,
  times: readonly number[],
): void {
  const key = hourBlockKey(app, hour, 0);
  const last = blockAfter(table, key, BLOCK_TIMES, count);
  appendRows(table, key, BLOCK_TIMES, last, times.length, (known, from, to) => {
    const before = known === undefined ? 0 : known.length / TIME_BYTES;
    const block = new Uint32Array(before + to - from);
    if (known) block.set(viewNumbers(known));
    for (let i = from; i < to; i++) block[before + i - from] = times[i] as number;
    return new Uint8Array(block.buffer);
  });
}

export const errors: Projection = {
  name: 'errors',
  version: 2,
  tables: ['error_counts', 'error_times'],
  open(stage) {
    const rows = stage.table('error_counts');
    const blocks = stage.table('error_times');
    const days = new Map<number, DayFold>();
    return {
      add: (batch) => addBatch(days, batch),
      finish() {
        for (const { app, day, times } of days.values()) {
          const counts = new Uint32Array(HOURS);
          const known = rows.get(dayKey(app, day));
          if (known) counts.set(viewNumbers(known));
          times.forEach((ofHour, index) => {
            if (!ofHour) return;
            const hour = day * HOURS + index;
            stageTimes(blocks, app, hour, counts[index] as number, ofHour);
            counts[index] = (counts[index] as number) + ofHour.length;
          });
          rows.put(dayKey(app, day), Buffer.from(counts.buffer));
        }
        days.clear();
      },
    };
  },
  dropDays(stage, fence, limit) {
    const below = dayOf(fence);
    removeBefore(stage, 'error_times', (app) => hourBlockKey(app, below * HOURS, 0), limit);
    removeBefore(stage, 'error_counts', (app) => dayKey(app, below), limit);
  },
};

export type Errors = ReturnType<typeof openErrors>;

export function openErrors(env: Env) {
  const rows = env.table('error_counts');
  const blocks = env.table('error_times');

  const countTimes = (
    app: number,
    hour: number,
    { from, to }: { from: number; to: number },
    check: () => void,
  ): number => {
    const range = { start: hourBlockKey(app, hour, 0), end: hourBlockKey(app, hour + 1, 0) };
    let count = 0;
    for (const { value } of blocks.scan(range)) {
      check();
      for (const time of viewNumbers(value)) if (time >= from && time <= to) count++;
    }
    return count;
  };

  return {
    /** Errors of whole days of one app. */
    *counts(app: number, fromDay: number, toDay: number) {
      for (const { key, value } of rows.scan({ start: dayKey(app, fromDay), end: dayKey(app, toDay + 1) })) {
        yield { day: key.readUIntBE(2, 3), count: sum(viewNumbers(value), 0, HOURS) };
      }
    },
    /** Errors of an app on one day within `[from, to]`, ms into the day. */
    countWithin(
      app: number,
      day: number,
      { from, to }: { from: number; to: number },
      check: () => void,
    ): number {
      const value = rows.get(dayKey(app, day));
      if (!value) return 0;
      const [first, last] = [Math.floor(from / HOUR_MS), Math.floor(to / HOUR_MS)];
      const startCut = from > first * HOUR_MS;
      const endCut = to < (last + 1) * HOUR_MS - 1;
      const part = (hour: number): number =>
        countTimes(app, day * HOURS + hour, { from: from - hour * HOUR_MS, to: to - hour * HOUR_MS }, check);
      let count = sum(viewNumbers(value), startCut ? first + 1 : first, endCut ? last : last + 1);
      if (startCut) count += part(first);
      if (endCut && !(startCut && first === last)) count += part(last);
      return count;
    },
  };
}
