/**
 * Error groups summed over their occurrences. While there are few, all is summed in one pass. Of very many only the counts
 * are, in columns; a second pass sums the rest of the greatest.
 */
import { MAX_TS } from '../../domain/limits.js';
import { dayOf } from '../../domain/utc.js';
import { obtain } from '../../projections/engine/projection.js';
import {
  type ErrorGroup,
  type OccurrenceBlock,
  occurrenceId,
  occurrenceTs,
  occurrenceUser,
  rowsOf,
} from '../../projections/error-groups.js';
import type { EventPosition } from '../../questions/cursor.js';
import { openGroupCounts } from './group-counts.js';
import { inOrder, openFirst } from './merge.js';
import type { Bounds } from './scope.js';

/** Groups that are summed in one pass, and what they may keep of users and days together. */
const ONE_PASS = { groups: 4_096, entries: 500_000 };

/** The sum of a group's occurrences; `newest` is the greatest by `(ts, id)`. */
export interface Sum {
  group: ErrorGroup;
  count: number;
  users: Users;
  firstTs: number;
  newest: EventPosition;
  days: Map<number, number>;
  /** Earlier days are not in `days` any more. */
  sinceDay: number;
}

/** Distinct users, by number. */
interface Users {
  few: Set<number>;
  /** A bit each, once they are many. */
  bits: Uint32Array | undefined;
  count: number;
}

export interface SumsQuery extends Bounds {
  /** The blocks to sum, each time from the beginning. */
  blocks: () => Iterable<OccurrenceBlock>;
  limit: number;
  /** One more than the greatest user number. */
  users: number;
  /** Days that an answer has room for. */
  daysMax: number;
  checkTime: () => void;
}

const newSum = (group: ErrorGroup): Sum => ({
  group,
  count: 0,
  users: { few: new Set(), bits: undefined, count: 0 },
  firstTs: MAX_TS,
  newest: { ts: -1, id: 0 },
  days: new Map(),
  sinceDay: 0,
});

/** From so many users on a bit for every user of the store takes less memory. */
const manyUsers = (users: number): number => Math.max(64, users / 256);

function addUser(sum: Users, user: number, users: number): void {
  if (sum.bits === undefined) {
    sum.few.add(user);
    sum.count = sum.few.size;
    if (sum.count < manyUsers(users)) return;
    sum.bits = new Uint32Array((users + 31) >>> 5);
    for (const one of sum.few) setBit(sum.bits, one);
    sum.few = new Set();
  } else if (setBit(sum.bits, user)) sum.count++;
}

/** Memory in entries of a set, of some 32 bytes each. */
const entriesOf = ({ few, bits }: Users): number => (bits ? bits.length / 8 : few.size);

/** Whether it was not set. */
function setBit(bits: Uint32Array, at: number): boolean {
  const word = bits[at >>> 5] as number;
  const bit = 1 << (at & 31);
  bits[at >>> 5] = word | bit;
  return (word & bit) === 0;
}

/** Adds a block's occurrences within the range; returns how many entries more the sum keeps of users and days. */
function addBlock(sum: Sum, block: OccurrenceBlock, { from, to, users }: SumsQuery): number {
  const before = sum.days.size + entriesOf(sum.users);
  const day = dayOf(block.midnight);
  for (let row = 0; row < rowsOf(block); row++) {
    const ts = occurrenceTs(block, row);
    if (ts < from || ts > to) continue;
    sum.count++;
    addUser(sum.users, occurrenceUser(block, row), users);
    sum.firstTs = Math.min(sum.firstTs, ts);
    const id = occurrenceId(block, row);
    if (ts > sum.newest.ts || (ts === sum.newest.ts && id > sum.newest.id)) sum.newest = { ts, id };
    if (day >= sum.sinceDay) sum.days.set(day, (sum.days.get(day) ?? 0) + 1);
  }
  return sum.days.size + entriesOf(sum.users) - before;
}

/** Leaves a sum its latest days. */
function keepLatest(sum: Sum, max: number): void {
  if (sum.days.size <= max) return;
  const days = [...sum.days].sort(([a], [b]) => b - a).slice(0, max);
  sum.days = new Map(days);
  sum.sinceDay = days.at(-1)?.[0] ?? 0;
}

/** Greatest count first, then the latest. */
const mostFirst = (a: Sum, b: Sum): number => b.count - a.count || inOrder(b.newest, a.newest);

const keyOf = ({ app, hash }: ErrorGroup): string => `${app}/${hash}`;

/** The greatest groups with an occurrence in the range. */
export function greatestGroups(query: SumsQuery): Sum[] {
  const sums = inOnePass(query) ?? inTwoPasses(query);
  const { first, add } = openFirst(query.limit, mostFirst);
  for (const sum of sums.values()) {
    query.checkTime();
    if (sum.count > 0) add(sum);
  }
  return first;
}

const shareOf = (daysMax: number, groups: number): number =>
  Math.max(1, Math.floor(daysMax / Math.max(1, groups)));

/** Every group's sum; `undefined` where that takes too much memory. */
function inOnePass(query: SumsQuery): Map<string, Sum> | undefined {
  const sums = new Map<string, Sum>();
  let entries = 0;
  for (const block of query.blocks()) {
    query.checkTime();
    entries += addBlock(
      obtain(sums, keyOf(block.group), () => newSum(block.group)),
      block,
      query,
    );
    if (sums.size > ONE_PASS.groups || entries > ONE_PASS.entries) return undefined;
  }
  return sums;
}

/** Counts all groups, then sums the rest of the greatest. */
function inTwoPasses(query: SumsQuery): Map<string, Sum> {
  const sums = new Map(greatestByCount(query).map((group) => [keyOf(group), newSum(group)]));
  let entries = 0;
  for (const block of query.blocks()) {
    query.checkTime();
    const sum = sums.get(keyOf(block.group));
    if (sum === undefined) continue;
    entries += addBlock(sum, block, query);
    if (entries < 2 * query.daysMax) continue;
    for (const each of sums.values()) keepLatest(each, shareOf(query.daysMax, sums.size));
    entries = 0;
  }
  return sums;
}

function greatestByCount(query: SumsQuery): ErrorGroup[] {
  const counts = openGroupCounts();
  for (const block of query.blocks()) {
    query.checkTime();
    counts.add(block, query);
  }
  return counts.greatest(query.limit, query.checkTime);
}
