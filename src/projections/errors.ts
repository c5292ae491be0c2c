/**
 * Errors: how many events of type `error` each UTC day had, and when, so that a day cut by a bound is counted exactly.
 *
 * `error_counts`: `[app u16][day u24]` → errors u32. `error_times`: `[app u16][day u24][block u32]` → ms into the day,
 * u32 each, in order of arrival: error k of the day lies in block ⌊k ÷ 1,000⌋.
 */
import { EVENT_TYPES } from '../event.js';
import { DAY_MS } from '../limits.js';
import type { Env } from '../log/env.js';
import { packKey, prefixEnd } from '../log/keys.js';
import { appsIn, dayOf } from './days.js';
import { obtain, type Projection } from './projection.js';

const ERROR = EVENT_TYPES.indexOf('error');
const BLOCK_TIMES = 1_000;

const dayKey = (app: number, day: number): Buffer =>
  packKey([
    [app, 2],
    [day, 3],
  ]);

const blockKey = (app: number, day: number, block: number): Buffer =>
  packKey([
    [app, 2],
    [day, 3],
    [block, 4],
  ]);

function packTimes(known: Buffer, times: readonly number[]): Buffer {
  const value = Buffer.allocUnsafe(known.length + times.length * 4);
  value.set(known);
  times.forEach((time, index) => {
    value.writeUInt32LE(time, known.length + index * 4);
  });
  return value;
}

/** Copies only when the bytes do not lie on a word boundary. */
function viewTimes(value: Buffer): Uint32Array {
  const { buffer, byteOffset, length } = value.byteOffset % 4 === 0 ? value : new Uint8Array(value);
  return new Uint32Array(buffer, byteOffset, length / 4);
}

export const errors: Projection = {
  name: 'errors',
  version: 1,
  tables: ['error_counts', 'error_times'],
  fold(stage) {
    const days = new Map<string, { app: number; day: number; times: number[] }>();
    return {
      add({ app, firstTs, count, ts, types }) {
        const day = dayOf(firstTs);
        for (let i = 0; i < count; i++) {
          if (types[i] !== ERROR) continue;
          const { times } = obtain(days, `${app}/${day}`, () => ({ app, day, times: [] }));
          times.push((ts[i] as number) - day * DAY_MS);
        }
      },
      finish() {
        const counts = stage.table('error_counts');
        const blocks = stage.table('error_times');
        for (const { app, day, times } of days.values()) {
          let count = counts.get(dayKey(app, day))?.readUInt32LE(0) ?? 0;
          for (let at = 0; at < times.length; ) {
            const room = BLOCK_TIMES - (count % BLOCK_TIMES);
            const part = times.slice(at, at + room);
            const key = blockKey(app, day, Math.floor(count / BLOCK_TIMES));
            const known = count % BLOCK_TIMES === 0 ? undefined : blocks.get(key);
            blocks.put(key, packTimes(known ?? Buffer.alloc(0), part));
            count += part.length;
            at += part.length;
          }
          counts.put(dayKey(app, day), packTimes(Buffer.alloc(0), [count]));
        }
      },
    };
  },
  dropDays(stage, fence, limit) {
    for (const app of appsIn(stage.table('error_counts'))) {
      const range = { start: dayKey(app, 0), end: dayKey(app, dayOf(fence)) };
      for (const name of ['error_times', 'error_counts']) {
        if (stage.size >= limit) return;
        const table = stage.table(name);
        for (const key of table.keys({ ...range, limit: limit - stage.size })) table.remove(key);
      }
    }
  },
};

export interface Errors {
  /** Errors of whole days of one app. */
  counts(app: number, fromDay: number, toDay: number): Generator<{ day: number; count: number }>;
  /** Errors of an app on one day within `[from, to]`, ms into the day. */
  countWithin(app: number, day: number, bounds: { from: number; to: number }): number;
}

export function openErrors(env: Env): Errors {
  const counts = env.table('error_counts');
  const blocks = env.table('error_times');
  return {
    *counts(app, fromDay, toDay) {
      for (const { key, value } of counts.range({
        start: dayKey(app, fromDay),
        end: dayKey(app, toDay + 1),
      })) {
        yield { day: key.readUIntBE(2, 3), count: value.readUInt32LE(0) };
      }
    },
    countWithin(app, day, { from, to }) {
      const prefix = dayKey(app, day);
      let count = 0;
      for (const { value } of blocks.range({ start: prefix, end: prefixEnd(prefix) })) {
        for (const time of viewTimes(value)) {
          if (time >= from && time <= to) count++;
        }
      }
      return count;
    },
  };
}
