/**
 * Hours of users: who was active in which UTC hour and when, so that a cut day's users are counted exactly.
 *
 * `hour_users`: `[app u16][hour u32][block u32]` → runs of activity, in order of arrival, as the columns
 * `[user u32 …][first u32 …][last u32 …]`, ms into the hour, little-endian. A record batch widens its user's
 * latest run in the hour's last block if that then spans a quarter of an hour at most; else it is a new run.
 */
import { HOUR_MS } from '../domain/limits.js';
import { hourOf } from '../domain/utc.js';
import type { BatchView } from '../log/batches/record-batch.js';
import type { Env } from '../log/file/env.js';
import { blockKey, lastBlock } from './blocks.js';
import { obtain, type Projection } from './engine/projection.js';
import { removeBefore, type StagedTable } from './engine/stage.js';
import { hourBlockKey, viewNumbers } from './hours.js';

/** What is left of a 4 KiB page for one value: ⌊4,040 ÷ 12⌋ runs. */
const BLOCK_RUNS = 336;
const RUN_BYTES = 12;
const RUN_MS_MAX = 900_000;
const HOURS_MAX = 2 ** 32;

/** The runs that one hour of an app gets: user, first, last, ms into the hour, one after the other. */
interface HourFold {
  app: number;
  hour: number;
  runs: number[];
}

type Hours = Map<number, HourFold>;

function addSpan(hours: Hours, app: number, user: number, first: number, last: number): void {
  const hour = hourOf(first);
  const start = hour * HOUR_MS;
  const { runs } = obtain(hours, app * HOURS_MAX + hour, () => ({ app, hour, runs: [] }));
  runs.push(user, first - start, last - start);
}

function addBatch(hours: Hours, { app, user, firstTs, lastTs, count, ts }: BatchView): void {
  const end = hourOf(lastTs) * HOUR_MS;
  if (firstTs >= end) {
    addSpan(hours, app, user, firstTs, lastTs);
    return;
  }
  // An hour ends within the batch: each gets its own first and last event.
  let lastBefore = firstTs;
  let firstAfter = lastTs;
  for (let i = 0; i < count; i++) {
    const time = ts[i] as number;
    if (time < end) lastBefore = Math.max(lastBefore, time);
    else firstAfter = Math.min(firstAfter, time);
  }
  addSpan(hours, app, user, firstTs, lastBefore);
  addSpan(hours, app, user, firstAfter, lastTs);
}

/** The one block that is being folded, unpacked. */
const folding = {
  length: 0,
  users: new Uint32Array(BLOCK_RUNS),
  firsts: new Uint32Array(BLOCK_RUNS),
  lasts: new Uint32Array(BLOCK_RUNS),
};

function unpack(value: Buffer | undefined): void {
  const runs = value ? viewNumbers(value) : new Uint32Array(0);
  const length = runs.length / 3;
  folding.length = length;
  folding.users.set(runs.subarray(0, length));
  folding.firsts.set(runs.subarray(length, 2 * length));
  folding.lasts.set(runs.subarray(2 * length));
}

function pack(): Buffer {
  const { length, users, firsts, lasts } = folding;
  const runs = new Uint32Array(3 * length);
  runs.set(users.subarray(0, length));
  runs.set(firsts.subarray(0, length), length);
  runs.set(lasts.subarray(0, length), 2 * length);
  return Buffer.from(runs.buffer);
}

/** Adds a run to the block; false when it has no room. */
function addRun(user: number, first: number, last: number): boolean {
  const { length, users, firsts, lasts } = folding;
  let at = length - 1;
  while (at >= 0 && users[at] !== user) at--;
  if (at >= 0) {
    const least = Math.min(first, firsts[at] as number);
    const greatest = Math.max(last, lasts[at] as number);
    if (greatest - least <= RUN_MS_MAX) {
      firsts[at] = least;
      lasts[at] = greatest;
      return true;
    }
  }
  if (length === BLOCK_RUNS) return false;
  users[length] = user;
  firsts[length] = first;
  lasts[length] = last;
  folding.length++;
  return true;
}

const rowsIn = (value: Buffer): number => value.length / RUN_BYTES;

function stageRuns(table: StagedTable, { app, hour, runs }: HourFold): void {
  const key = hourBlockKey(app, hour, 0);
  let { block, value } = lastBlock(table, key, BLOCK_RUNS, rowsIn);
  unpack(value);
  for (let at = 0; at < runs.length; at += 3) {
    const [user, first, last] = [runs[at] as number, runs[at + 1] as number, runs[at + 2] as number];
    if (addRun(user, first, last)) continue;
    table.put(blockKey(key, block++), pack());
    unpack(undefined);
    addRun(user, first, last);
  }
  table.put(blockKey(key, block), pack());
}

export const userHours: Projection = {
  name: 'user-hours',
  version: 1,
  tables: ['hour_users'],
  open(stage) {
    const table = stage.table('hour_users');
    const hours: Hours = new Map();
    return {
      add: (batch) => addBatch(hours, batch),
      finish() {
        for (const fold of hours.values()) stageRuns(table, fold);
        hours.clear();
      },
    };
  },
  dropDays(stage, fence, limit) {
    removeBefore(stage, 'hour_users', (app) => hourBlockKey(app, hourOf(fence), 0), limit);
  },
};

export type UserHours = ReturnType<typeof openUserHours>;

interface Query {
  apps: readonly number[];
  /** Both inclusive. */
  from: number;
  to: number;
  /** All user numbers are below this. */
  users: number;
  /** Called for each block. */
  checkTime: () => void;
}

export function openUserHours(env: Env) {
  const blocks = env.table('hour_users');
  /** Users found by the read under way: a bit each, by number. */
  let found = new Uint32Array(0);

  return {
    /** Distinct users. Asks only about those with a run that begins before the range and ends after it. */
    count(
      { apps, from, to, users, checkTime }: Query,
      hasEvent: (app: number, user: number) => boolean,
    ): number {
      const words = (users + 31) >>> 5;
      if (words > found.length) found = new Uint32Array(2 * words);
      found.fill(0, 0, words);
      const bits = found;
      // Asked about last: a question overwrites the runs that are lent.
      const doubtful: [app: number, user: number][] = [];
      for (const app of apps) {
        const range = {
          start: hourBlockKey(app, hourOf(from), 0),
          end: hourBlockKey(app, hourOf(to) + 1, 0),
        };
        for (const { key, value } of blocks.scan(range)) {
          checkTime();
          const runs = viewNumbers(value);
          const length = runs.length / 3;
          const start = key.readUInt32BE(2) * HOUR_MS;
          const [least, greatest] = [from - start, to - start];
          const isWhole = least <= 0 && greatest >= HOUR_MS - 1;
          for (let i = 0; i < length; i++) {
            const user = runs[i] as number;
            if (has(bits, user)) continue;
            if (!isWhole) {
              const [first, last] = [runs[length + i] as number, runs[2 * length + i] as number];
              if (first > greatest || last < least) continue;
              if (first < least && last > greatest) {
                doubtful.push([app, user]);
                continue;
              }
            }
            add(bits, user);
          }
        }
      }
      for (const [app, user] of doubtful) if (!has(bits, user) && hasEvent(app, user)) add(bits, user);
      let count = 0;
      for (let word = 0; word < words; word++) count += bitsIn(bits[word] as number);
      return count;
    },
  };
}

const has = (bits: Uint32Array, user: number): boolean =>
  (((bits[user >>> 5] as number) >>> (user & 31)) & 1) === 1;

function add(bits: Uint32Array, user: number): void {
  bits[user >>> 5] = (bits[user >>> 5] as number) | (1 << (user & 31));
}

function bitsIn(word: number): number {
  const pairs = word - ((word >>> 1) & 0x5555_5555);
  const fours = (pairs & 0x3333_3333) + ((pairs >>> 2) & 0x3333_3333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
