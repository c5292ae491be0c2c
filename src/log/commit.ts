/**
 * One commit of the log: takes requests, dedupes and encodes them in memory, then writes them in one transaction.
 *
 * Its life: `begin` → `add` per request (a throw fails that request alone) → the caller folds `batches` into the views
 * → `write` inside the transaction → the transaction is durable. Dropping it at any point before leaves no trace.
 */
import type { EventBatch, NewEvent } from '../event.js';
import { beginDictionaryCommit } from './dictionaries.js';
import { timeKey, u48 } from './keys.js';
import { type Counters, type Log, META, offsetRow, packCounters } from './log.js';
import { cutRuns, encodeBatch, type RecordBatch, toBatch } from './record-batch.js';
import { remember, seenAt, seenKey } from './seen.js';

export interface LogCommit {
  /** Takes a request whole or throws with nothing of it taken. `late` counts events below the fence, not stored. */
  add(request: EventBatch): { result: 'stored' | 'duplicate'; late: number };
  /** The record batches of every request taken, in order of arrival. */
  readonly batches: readonly RecordBatch[];
  /** Inside the transaction. */
  write(): void;
}

export function beginCommit(log: Log): LogCommit {
  const { tables } = log;
  const start = log.counters();
  const fence = log.fence();
  const dictionary = beginDictionaryCommit(tables.dictionary, log.dictionaries, start);
  const batches: RecordBatch[] = [];
  const values: Buffer[] = [];
  const taken = new Map<string, { key: Buffer; receivedAt: number; offset: number }>();
  let offset = start.offset;

  const store = (events: readonly NewEvent[], app: number, firstId: number): void => {
    if (firstId < offset) throw new RangeError(`id ${firstId} was given already: the next is ${offset}`);
    let at = firstId;
    const encoded: [RecordBatch, Buffer][] = [];
    for (const [from, to] of cutRuns(events)) {
      const run = events.slice(from, to);
      const user = dictionary.assign('user', (run[0] as NewEvent).user_id);
      const batch = toBatch(run, at, { app, user, name: (name) => dictionary.assign('name', name) });
      encoded.push([batch, encodeBatch(batch)]);
      at += run.length;
    }
    for (const [batch, value] of encoded) {
      batches.push(batch);
      values.push(value);
    }
    offset = at;
  };

  const isDuplicate = (request: EventBatch, key: Buffer): boolean =>
    taken.has(key.toString('latin1')) || seenAt(tables.seen, key, request.receivedAt) !== undefined;

  return {
    batches,
    add(request) {
      const mark = dictionary.mark();
      try {
        const app = dictionary.assign('app', request.app);
        const key = request.batchId === undefined ? undefined : seenKey(app, request.batchId);
        if (key && isDuplicate(request, key)) return { result: 'duplicate', late: 0 };
        const kept = request.events.filter((event) => event.ts >= fence);
        if (request.firstId !== undefined && kept.length < request.events.length) {
          throw new RangeError('events below the retention fence cannot be imported');
        }
        store(kept, app, request.firstId ?? offset);
        if (key) taken.set(key.toString('latin1'), { key, receivedAt: request.receivedAt, offset });
        return { result: 'stored', late: request.events.length - kept.length };
      } catch (error) {
        dictionary.rollback(mark);
        throw error;
      }
    },
    write() {
      dictionary.write();
      batches.forEach((batch, index) => {
        tables.log.put(timeKey(batch.lastTs, batch.offset), values[index] as Buffer);
        tables.offsets.put(u48(batch.offset), offsetRow(batch));
      });
      remember(tables, start.commit, [...taken.values()]);
      const next: Counters = { offset, commit: start.commit + 1, ...dictionary.next() };
      tables.meta.put(META.next, packCounters(next));
    },
  };
}
