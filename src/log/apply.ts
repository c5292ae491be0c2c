/** What commit groups become in the log: the batches to fold, and the rows of every table of the log. */
import { type CommitGroup, type GroupBatch, readGroup } from './commit-group.js';
import { byKind, putText } from './dictionaries.js';
import { timeKey, u48 } from './keys.js';
import { type Log, META, packCounters } from './log.js';
import { type RecordBatch, readBatch, type TextOf } from './record-batch.js';
import { remember } from './seen.js';

export interface Application {
  /** The record batches of every group, in order of arrival. */
  readonly batches: readonly RecordBatch[];
  /** The id the next event gets. */
  readonly nextOffset: number;
  /** Inside the transaction. */
  write(): void;
}

/** Reads groups, which follow the log and each other without a gap; throws otherwise. */
export function readGroups(log: Log, groups: readonly Buffer[]): Application {
  const read = groups.map(readGroup);
  let { commit } = log.counters();
  const fresh = byKind(() => new Map<number, string>());
  for (const group of read) {
    if (group.commit !== commit) throw new RangeError(`commit ${group.commit} does not follow ${commit - 1}`);
    commit++;
    for (const { kind, number, text } of group.texts) fresh[kind].set(number, text);
  }
  const textOf: TextOf = (kind, number) => fresh[kind].get(number) ?? log.dictionaries.text(kind, number);
  const stored = read.flatMap((group) => group.batches);
  const batches = stored.map(({ value, offset }) => readBatch(value, offset, textOf));
  const last = read.at(-1);
  return {
    batches,
    nextOffset: last?.next.offset ?? log.counters().offset,
    write() {
      for (const group of read) writeGroup(log, group);
      stored.forEach((row, index) => {
        log.tables.log.put(timeKey(row.lastTs, row.offset), row.value);
        log.tables.offsets.put(u48(row.offset), offsetRow(row, batches[index] as RecordBatch));
      });
      if (last) log.tables.meta.put(META.next, packCounters(last.next));
    },
  };
}

/** Whether groups go on from this very log: ids and numbers as well, which those of another copy of the store do not. */
export function continues(log: Log, groups: readonly Buffer[]): boolean {
  let next = log.counters();
  return groups.map(readGroup).every((group) => {
    const numbers = { ...next };
    const isNext =
      (group.batches[0]?.offset ?? group.next.offset) === next.offset &&
      group.texts.every(({ kind, number }) => number === numbers[kind]++);
    next = group.next;
    return isNext;
  });
}

function writeGroup({ tables, dictionaries }: Log, { commit, texts, batchIds }: CommitGroup): void {
  for (const { kind, number, text } of texts) {
    putText(tables.dictionary, kind, number, text);
    dictionaries.learn(kind, number, text);
  }
  remember(tables, commit, batchIds);
}

function offsetRow({ lastTs }: GroupBatch, { ts }: RecordBatch): Buffer {
  const value = Buffer.allocUnsafe(8);
  value.writeUIntBE(lastTs, 0, 6);
  value.writeUInt16BE(ts.length, 6);
  return value;
}
