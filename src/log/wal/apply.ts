/** What commit groups become in the log: the batches to fold, and the rows of every table of the log. */

import { APPLY_EVENTS_MAX, APPLY_MS, APPLY_PARTS_MAX, APPLY_PARTS_MIN } from '../../domain/limits.js';
import { byKind, KINDS, putText } from '../batches/dictionaries.js';
import { type Log, META, packCounters } from '../batches/log.js';
import { BatchReader, type BatchView, countIn, type TextOf } from '../batches/record-batch.js';
import { remember } from '../batches/seen.js';
import { StoreUnusable } from '../file/data-dir.js';
import { rowMemory } from '../file/env.js';
import { put16, put48 } from '../file/keys.js';
import {
  type CommitGroup,
  type CommittedBatch,
  nextOffsetOf,
  parseCommitGroup,
  partsOf,
} from './commit-group.js';
import { readWal, WAL_FILES } from './wal.js';

/** `[lastTs u48][offset u48]`, as it stands in a group. */
const LOG_KEY_BYTES = 12;

/**
 * How many groups, from the first on, one transaction takes: its memory is bounded by what it touches, however
 * small that was on the wire. `nextOffset` is the id the first of them continues from.
 */
export function sliceOf(groups: readonly Buffer[], nextOffset: number, partsMax = APPLY_PARTS_MAX): number {
  let parts = 0;
  const end = nextOffset + APPLY_EVENTS_MAX;
  const over = groups.findIndex((group) => {
    parts += partsOf(group);
    return parts > partsMax || nextOffsetOf(group) > end;
  });
  return over === -1 ? groups.length : Math.max(1, over);
}

/**
 * How many parts a transaction takes, so that it is done in about `APPLY_MS`: what a part costs depends on the store
 * and the disk. A stop, a call and a read wait for the transaction under way.
 */
export function openPartsBound() {
  let parts = APPLY_PARTS_MIN;
  return {
    parts: () => parts,
    note(taken: number, tookMs: number): void {
      if (tookMs > APPLY_MS) parts = Math.max(APPLY_PARTS_MIN, parts / 2);
      else if (tookMs < APPLY_MS / 4 && taken > parts / 2) parts = Math.min(APPLY_PARTS_MAX, parts * 2);
    },
  };
}

/** A group without what an earlier transaction applied of it. */
function restOf(group: CommitGroup, applied: number): CommitGroup {
  const batches = group.batches.filter(({ offset }) => offset >= applied);
  return batches.length === group.batches.length ? group : { ...group, texts: [], batches };
}

/** Only so many batches of a group, after which the log continues inside it. Its last part brings the `batch_id`s. */
function beginningOf(group: CommitGroup, batchesMax: number): CommitGroup {
  const after: CommittedBatch | undefined = group.batches[batchesMax];
  if (after === undefined) return group;
  const next = { ...group.next, commit: group.commit, offset: after.offset };
  return { ...group, next, batchIds: [], batches: group.batches.slice(0, batchesMax) };
}

/**
 * Reads groups, which follow the log and each other without a gap; throws otherwise. With `batchesMax`, a group that is
 * alone and has more record batches is not applied to its end: the next call goes on with it.
 */
export function planApply(log: Log, groups: readonly Buffer[], batchesMax = Number.POSITIVE_INFINITY) {
  const { commit, offset } = log.counters();
  const read = groups.map((bytes, index): CommitGroup => {
    const group = parseCommitGroup(bytes);
    if (group.commit !== commit + index)
      throw new RangeError(`commit ${group.commit} does not follow ${commit + index - 1}`);
    const rest = index === 0 ? restOf(group, offset) : group;
    return groups.length === 1 ? beginningOf(rest, batchesMax) : rest;
  });
  const fresh = byKind(() => new Map<number, string>());
  for (const { texts } of read) for (const { kind, number, text } of texts) fresh[kind].set(number, text);
  const textOf: TextOf = (kind, number) => fresh[kind].get(number) ?? log.dictionaries.text(kind, number);
  const last = read.at(-1);
  return {
    /** The record batches of every group, in order of arrival; each is valid until the next. */
    *batches(): Generator<BatchView> {
      const reader = new BatchReader(textOf);
      for (const { bytes, batches } of read) {
        for (const { value, valueEnd, offset } of batches) {
          reader.read(bytes, value, valueEnd, offset);
          yield reader;
        }
      }
    },
    /** The id the next event gets. */
    nextOffset: last?.next.offset ?? offset,
    /** Inside the transaction. */
    write(): void {
      for (const group of read) writeGroup(log, group);
      if (last) log.tables.meta.put(META.next, packCounters(last.next));
    },
  };
}

/** The groups that the WAL holds and the tables do not, in order. Throws `StoreUnusable`. */
export function readUnapplied(dataDir: string, log: Log): Buffer[] {
  const groups = readWal(dataDir, log.storeId, log.counters().commit);
  if (continues(log, groups)) return groups;
  throw new StoreUnusable(
    `the WAL in ${dataDir} belongs to another copy of this store: delete ${WAL_FILES.join(' and ')} to go on without it`,
  );
}

/** Whether groups continue this very log, by ids and numbers: those of another copy of the store do not. */
function continues(log: Log, groups: readonly Buffer[]): boolean {
  let next = log.counters();
  return groups.every((bytes, index) => {
    const whole = parseCommitGroup(bytes);
    const group = index === 0 ? restOf(whole, next.offset) : whole;
    // Of one that was begun the log has every text.
    const hasTexts = group === whole || KINDS.every((kind) => next[kind] === whole.next[kind]);
    const numbers = { ...next };
    const isNext =
      hasTexts &&
      (group.batches[0]?.offset ?? group.next.offset) === next.offset &&
      group.texts.every(({ kind, number }) => number === numbers[kind]++);
    next = group.next;
    return isNext;
  });
}

const offsetValue = Buffer.alloc(8);
const offsetKey = Buffer.alloc(6);

function writeGroup(
  { tables, dictionaries }: Log,
  { bytes, commit, texts, batchIds, batches }: CommitGroup,
): void {
  for (const { kind, number, text } of texts) {
    putText(tables.dictionary, kind, number, text);
    dictionaries.learn(kind, number, text);
  }
  remember(tables, commit, batchIds);
  const memory = rowMemory(bytes);
  for (const { lastTs, offset, key, value, valueEnd } of batches) {
    tables.log.putFrom(memory, { key, keyEnd: key + LOG_KEY_BYTES, value, valueEnd });
    put48(offsetKey, 0, offset);
    put16(offsetValue, put48(offsetValue, 0, lastTs), countIn(bytes, value));
    tables.offsets.put(offsetKey, offsetValue);
  }
}
