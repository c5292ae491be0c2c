/** What commit groups become in the log: the batches to fold, and the rows of every table of the log. */

import { APPLY_EVENTS_MAX, APPLY_PARTS_MAX } from '../../domain/limits.js';
import { byKind, putText } from '../batches/dictionaries.js';
import { type Log, META, packCounters } from '../batches/log.js';
import { BatchReader, type BatchView, countIn, type TextOf } from '../batches/record-batch.js';
import { remember } from '../batches/seen.js';
import { StoreUnusable } from '../file/data-dir.js';
import { rowMemory } from '../file/env.js';
import { put16, put48 } from '../file/keys.js';
import { type CommitGroup, nextOffsetOf, parseCommitGroup, partsOf } from './commit-group.js';
import { readWal, WAL_FILES } from './wal.js';

/** `[lastTs u48][offset u48]`, as it stands in a group. */
const LOG_KEY_BYTES = 12;

/**
 * How many groups, from the first on, one transaction takes: its memory is bounded by what it touches, however
 * small that was on the wire. `nextOffset` is the id the first of them continues from.
 */
export function sliceOf(groups: readonly Buffer[], nextOffset: number): number {
  let parts = 0;
  const end = nextOffset + APPLY_EVENTS_MAX;
  const over = groups.findIndex((group) => {
    parts += partsOf(group);
    return parts > APPLY_PARTS_MAX || nextOffsetOf(group) > end;
  });
  return over === -1 ? groups.length : Math.max(1, over);
}

/** Reads groups, which follow the log and each other without a gap; throws otherwise. */
export function planApply(log: Log, groups: readonly Buffer[]) {
  const read = groups.map(parseCommitGroup);
  let { commit } = log.counters();
  const fresh = byKind(() => new Map<number, string>());
  for (const group of read) {
    if (group.commit !== commit) throw new RangeError(`commit ${group.commit} does not follow ${commit - 1}`);
    commit++;
    for (const { kind, number, text } of group.texts) fresh[kind].set(number, text);
  }
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
    nextOffset: last?.next.offset ?? log.counters().offset,
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
  return groups.every((bytes) => {
    const group = parseCommitGroup(bytes);
    const numbers = { ...next };
    const isNext =
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
