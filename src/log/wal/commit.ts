/**
 * One commit of the log: takes requests, dedupes, numbers and encodes them, all in memory, into a commit group.
 *
 * Its life: `beginCommit` → `add` per request (a throw fails that request alone) → `seal`. Dropping it before leaves
 * no trace.
 */
import type { EventBatch } from '../../domain/event.js';
import {
  type ColumnBatch,
  columnsOf,
  type EventColumns,
  eventsOf,
  NAME_SPAN,
  SPANS,
  type UserSession,
} from '../../domain/event-columns.js';
import { ByteWriter } from '../batches/byte-writer.js';
import { byKind, KINDS, type Kind } from '../batches/dictionaries.js';
import type { Counters } from '../batches/log.js';
import type { SeenBatch } from '../batches/seen.js';
import { runEnd, writeBatch } from '../batches/write-batch.js';
import type { GroupText } from './commit-group.js';
import type { NameCache } from './name-cache.js';

/** What a commit continues from: the log, or the log and the groups on their way to it. */
export interface CommitBase {
  counters(): Counters;
  fence(): number;
  number(kind: Kind, text: string): number | undefined;
  /** What `number` said of names. */
  names: NameCache;
  /** Whether the batch was taken within seven days of `now`. */
  isSeen(app: number, batchId: string, now: number): boolean;
}

export interface SealedCommit {
  commit: number;
  next: Counters;
  texts: readonly GroupText[];
  batchIds: readonly SeenBatch[];
  events: number;
  /** The commit group; memory of its own. */
  bytes: Buffer;
}

export interface Commit {
  /** Takes a request whole or throws with nothing of it taken. `late` counts events below the fence, not stored. */
  add(request: EventBatch | ColumnBatch): { result: 'stored' | 'duplicate'; late: number };
  /** The group, or nothing when no request brought anything to store. */
  seal(): SealedCommit | undefined;
}

/** Used by one commit at a time: each is sealed before the next begins. */
const batchBytes = new ByteWriter(1 << 20);
const groupBytes = new ByteWriter(1 << 20);
const names: number[] = [];

export function beginCommit(base: CommitBase): Commit {
  const start = base.counters();
  const fence = base.fence();
  const next: Counters = { ...start, commit: start.commit + 1 };
  const texts: GroupText[] = [];
  const given = byKind(() => new Map<string, number>());
  const batchIds = new Map<string, SeenBatch>();
  let stored = false;
  let batches = 0;
  let eventCount = 0;
  batchBytes.length = 0;

  const assign = (kind: Kind, text: string): number => {
    const known = given[kind].get(text) ?? base.number(kind, text);
    if (known !== undefined) return known;
    const number = next[kind]++;
    given[kind].set(text, number);
    texts.push({ kind, number, text });
    return number;
  };
  /** A number given in this commit may be taken back: it is not remembered before the base knows it. */
  const nameNumber = (bytes: Buffer, start: number, end: number): number => {
    const remembered = base.names.find(bytes, start, end);
    if (remembered !== undefined) return remembered;
    const name = bytes.toString('utf8', start, end);
    const known = base.number('name', name);
    if (known !== undefined) base.names.remember(bytes, start, end, known);
    return known ?? assign('name', name);
  };

  const rollback = (mark: { texts: number; bytes: number; batches: number; offset: number }): void => {
    for (const { kind, text, number } of texts.splice(mark.texts).reverse()) {
      given[kind].delete(text);
      next[kind] = number;
    }
    batchBytes.length = mark.bytes;
    batches = mark.batches;
    next.offset = mark.offset;
  };

  const store = (columns: EventColumns, app: number, firstId: number): void => {
    const { ts, userSessions, bytes, spans } = columns;
    if (firstId < next.offset)
      throw new RangeError(`id ${firstId} was given already: the next is ${next.offset}`);
    next.offset = firstId;
    for (let from = 0; from < ts.length; ) {
      const to = runEnd(columns, from);
      const user = assign('user', (userSessions[from] as UserSession).userId);
      for (let i = from; i < to; i++) {
        const at = i * SPANS + NAME_SPAN;
        names[i - from] = nameNumber(bytes, spans[at] as number, spans[at + 1] as number);
      }
      const head = batchBytes.length;
      batchBytes.u48(0);
      batchBytes.u48(next.offset);
      batchBytes.u32(0);
      const lastTs = writeBatch(batchBytes, columns, from, to, { app, user, names });
      const end = batchBytes.length;
      batchBytes.length = head;
      batchBytes.u48(lastTs);
      batchBytes.length = end;
      batchBytes.setU32(head + 12, end - head - 16);
      batches++;
      next.offset += to - from;
      from = to;
    }
  };

  return {
    add(request) {
      const mark = { texts: texts.length, bytes: batchBytes.length, batches, offset: next.offset };
      try {
        const { batchId, receivedAt } = request;
        const app = assign('app', request.app);
        const key = batchId === undefined ? '' : `${app}/${batchId}`;
        if (batchId !== undefined && (batchIds.has(key) || base.isSeen(app, batchId, receivedAt))) {
          return { result: 'duplicate', late: 0 };
        }
        const columns = 'columns' in request ? request.columns : columnsOf(request.events);
        const kept = since(fence, columns);
        const late = columns.ts.length - kept.ts.length;
        if (request.firstId !== undefined && late > 0) {
          throw new RangeError('events below the retention fence cannot be imported');
        }
        store(kept, app, request.firstId ?? next.offset);
        if (batchId !== undefined) batchIds.set(key, { app, batchId, receivedAt, offset: next.offset });
        stored = true;
        eventCount += kept.ts.length;
        return { result: 'stored', late };
      } catch (error) {
        rollback(mark);
        throw error;
      }
    },
    seal() {
      if (!stored) return undefined;
      const ids = [...batchIds.values()];
      return {
        commit: start.commit,
        next,
        texts,
        batchIds: ids,
        events: eventCount,
        bytes: packGroup(start.commit, next, texts, ids, batches),
      };
    },
  };
}

/** The events that are not below the fence. */
function since(fence: number, columns: EventColumns): EventColumns {
  if (columns.ts.every((ts) => ts >= fence)) return columns;
  return columnsOf(eventsOf(columns).filter(({ ts }) => ts >= fence));
}

/** The layout stands in `commit-group.ts`. */
function packGroup(
  commit: number,
  next: Counters,
  texts: readonly GroupText[],
  batchIds: readonly SeenBatch[],
  batches: number,
): Buffer {
  groupBytes.length = 0;
  groupBytes.u48(commit);
  groupBytes.u48(next.offset);
  groupBytes.u32(next.app);
  groupBytes.u32(next.user);
  groupBytes.u32(next.name);
  groupBytes.u32(texts.length);
  groupBytes.u32(batchIds.length);
  groupBytes.u32(batches);
  for (const { kind, number, text } of texts) {
    groupBytes.u8(KINDS.indexOf(kind));
    groupBytes.u32(number);
    groupBytes.text16(text);
  }
  for (const { app, receivedAt, offset, batchId } of batchIds) {
    groupBytes.u16(app);
    groupBytes.u48(receivedAt);
    groupBytes.u48(offset);
    groupBytes.text16(batchId);
  }
  groupBytes.bytes(batchBytes.view());
  const group = Buffer.allocUnsafeSlow(groupBytes.length);
  group.set(groupBytes.view());
  return group;
}
