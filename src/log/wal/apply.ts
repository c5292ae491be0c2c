/** What commit groups become in the log: the batches to fold, and the rows of every table of the log. */

import { APPLY_EVENTS_MAX, APPLY_MS, APPLY_PARTS_MAX, APPLY_PARTS_MIN } from '../../domain/limits.js';
import { byKind, putText } from '../batches/dictionaries.js';
import { type Counters, type Log, META, packCounters } from '../batches/log.js';
import { BatchReader, type BatchView, countIn, type TextOf } from '../batches/record-batch.js';
import { remember } from '../batches/seen.js';
import { StoreUnusable } from '../file/data-dir.js';
import { rowMemory } from '../file/env.js';
import { put16, put48, timeKey, u48 } from '../file/keys.js';
import { type CommitGroup, nextOffsetOf, parseCommitGroup, partsOf } from './commit-group.js';
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

/** A group, and what of it one transaction applies. */
interface Step extends CommitGroup {
  /** The id of the group's first event, where it is not applied to its end. */
  begunAt?: number;
}

/** A group that takes several steps is parsed once. */
const parsed = new WeakMap<Buffer, CommitGroup>();

function parse(bytes: Buffer): CommitGroup {
  const known = parsed.get(bytes);
  if (known !== undefined) return known;
  const group = parseCommitGroup(bytes);
  parsed.set(bytes, group);
  return group;
}

/** A group without what earlier steps applied of it: the log's counters say how far. */
function restOf(group: CommitGroup, counters: Counters): CommitGroup {
  const texts = group.texts.filter(({ kind, number }) => number >= counters[kind]);
  const batches = group.batches.filter(({ offset }) => offset >= counters.offset);
  const isWhole = texts.length + batches.length === group.texts.length + group.batches.length;
  return isWhole ? group : { ...group, texts, batches };
}

/** So many parts of a group at most: texts first, which batches name. Its last step brings the `batch_id`s. */
function stepOf(group: CommitGroup, counters: Counters, begunAt: number, partsMax: number): Step {
  const texts = group.texts.slice(0, partsMax);
  const batches = group.batches.slice(0, partsMax - texts.length);
  if (texts.length + batches.length === group.texts.length + group.batches.length) return group;
  const next = { ...counters, offset: group.batches[batches.length]?.offset ?? group.next.offset };
  for (const { kind, number } of texts) next[kind] = number + 1;
  return { ...group, next, texts, batches, batchIds: [], begunAt };
}

/**
 * Reads groups, which follow the log and each other without a gap; throws otherwise. A group that is alone and has more
 * than `partsMax` parts is not applied to its end: the next call goes on with it.
 */
export function planApply(log: Log, groups: readonly Buffer[], partsMax = Number.POSITIVE_INFINITY) {
  const counters = log.counters();
  const read = groups.map((bytes, index): Step => {
    const group = parse(bytes);
    if (group.commit !== counters.commit + index)
      throw new RangeError(`commit ${group.commit} does not follow ${counters.commit + index - 1}`);
    const rest = index === 0 ? restOf(group, counters) : group;
    const begunAt = group.batches[0]?.offset ?? counters.offset;
    return groups.length === 1 ? stepOf(rest, counters, begunAt, partsMax) : rest;
  });
  const fresh = byKind(() => new Map<number, string>());
  for (const { texts } of read) for (const { kind, number, text } of texts) fresh[kind].set(number, text);
  const textOf: TextOf = (kind, number) => fresh[kind].get(number) ?? log.dictionaries.text(kind, number);
  const last = read.at(-1);
  return {
    /** Record batches, new texts and `batch_id`s together. */
    parts: read.reduce(
      (sum, { texts, batches, batchIds }) => sum + texts.length + batches.length + batchIds.length,
      0,
    ),
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
    nextOffset: last?.next.offset ?? counters.offset,
    /** Inside the transaction. */
    write(): void {
      for (const group of read) writeGroup(log, group);
      if (last === undefined) return;
      log.tables.meta.put(META.next, packCounters(last.next));
      if (last.begunAt !== undefined) log.tables.meta.put(META.begun, u48(last.begunAt));
      else if (log.begunAt() !== undefined) log.tables.meta.remove(META.begun);
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
    const group = index === 0 ? restOf(whole, next) : whole;
    const numbers = { ...next };
    const isNext =
      (group === whole || isBegun(log, whole, group)) &&
      (group.batches[0]?.offset ?? group.next.offset) === next.offset &&
      group.texts.every(({ kind, number }) => number === numbers[kind]++);
    next = group.next;
    return isNext;
  });
}

/** Whether the log has the last of what earlier steps applied of a group. */
function isBegun(log: Log, whole: CommitGroup, rest: CommitGroup): boolean {
  const text = whole.texts[whole.texts.length - rest.texts.length - 1];
  const batch = whole.batches[whole.batches.length - rest.batches.length - 1];
  const hasText = text === undefined || log.dictionaries.number(text.kind, text.text) === text.number;
  if (batch === undefined) return hasText;
  const stored = log.tables.log.get(timeKey(batch.lastTs, batch.offset));
  return hasText && stored?.equals(whole.bytes.subarray(batch.value, batch.valueEnd)) === true;
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
