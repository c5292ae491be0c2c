/**
 * One commit of the log: dedupes, numbers and encodes requests, all in memory, into a commit group.
 *
 * Its life: `beginCommit` → `add` per request (a throw fails that request alone) → `seal`. Dropping it before
 * leaves no trace.
 */
import type { EventRequest } from '../../domain/event.js';
import {
  type ColumnRequest,
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
import type { SeenBatchId } from '../batches/seen.js';
import { runEnd, writeBatch } from '../batches/write-batch.js';
import type { CommitGroup, NewText } from './commit-group.js';
import type { NameCache } from './name-cache.js';

/** What a commit continues from: the log, or the log and the groups on their way to it. */
export interface CommitBase {
  counters(): Counters;
  fence(): number;
  number(kind: Kind, text: string): number | undefined;
  /** Caches what `number` answers for names. */
  names: NameCache;
  /** Whether the batch was taken within seven days of `now`. */
  isSeen(app: number, batchId: string, now: number): boolean;
}

/** A commit group in memory of its own, and what is in it. */
export interface SealedCommit extends Omit<CommitGroup, 'batches'> {
  events: number;
}

/** The fence lies in the future, so either the fence or the clock is wrong. */
export class FenceAhead extends Error {
  override name = 'FenceAhead';

  constructor(fence: number, receivedAt: number) {
    super(
      `the clock says ${utc(receivedAt)}, and retention has deleted everything before ${utc(fence)}: ` +
        'set the clock right, or if it is right start with --trust-clock',
    );
  }
}

const utc = (time: number): string => new Date(time).toISOString();

/** `late` counts events below the fence, which are not stored. */
interface Added {
  result: 'stored' | 'duplicate';
  late: number;
}

/** Used by one commit at a time: each is sealed before the next begins. */
const batchBytes = new ByteWriter(1 << 20);
const groupBytes = new ByteWriter(1 << 20);
const names: number[] = [];

/** What a commit has taken so far, besides what is in `batchBytes`. */
interface Draft {
  base: CommitBase;
  fence: number;
  /** What the commit after this one continues from. */
  next: Counters;
  /** Texts that got their numbers in this commit, and these numbers. */
  texts: NewText[];
  given: Record<Kind, Map<string, number>>;
  batchIds: Map<string, SeenBatchId>;
  /** Record batches. */
  batches: number;
  events: number;
  hasStored: boolean;
}

export function beginCommit(base: CommitBase) {
  const counters = base.counters();
  const draft: Draft = {
    base,
    fence: base.fence(),
    next: { ...counters, commit: counters.commit + 1 },
    texts: [],
    given: byKind(() => new Map<string, number>()),
    batchIds: new Map(),
    batches: 0,
    events: 0,
    hasStored: false,
  };
  batchBytes.length = 0;
  return {
    /** Takes a request whole, or throws with nothing of it taken. */
    add: (request: EventRequest | ColumnRequest) => addOrLeave(draft, request),
    /** The group, or nothing when no request brought anything to store. */
    seal: () => seal(draft),
  };
}

/** Adds a request, or takes back all that it brought and throws. */
function addOrLeave(draft: Draft, request: EventRequest | ColumnRequest): Added {
  const texts = draft.texts.length;
  const bytes = batchBytes.length;
  const { batches, next } = draft;
  const { offset } = next;
  try {
    return add(draft, request);
  } catch (error) {
    for (const { kind, text, number } of draft.texts.splice(texts).reverse()) {
      draft.given[kind].delete(text);
      next[kind] = number;
    }
    batchBytes.length = bytes;
    draft.batches = batches;
    next.offset = offset;
    throw error;
  }
}

function add(draft: Draft, request: EventRequest | ColumnRequest): Added {
  const { base, batchIds, next } = draft;
  const { batchId, receivedAt, firstId } = request;
  const app = numberOf(draft, 'app', request.app);
  const key = batchId === undefined ? '' : `${app}/${batchId}`;
  if (batchId !== undefined && (batchIds.has(key) || base.isSeen(app, batchId, receivedAt))) {
    return { result: 'duplicate', late: 0 };
  }
  const columns = 'columns' in request ? request.columns : columnsOf(request.events);
  const kept = since(draft.fence, columns);
  const late = columns.ts.length - kept.ts.length;
  if (firstId !== undefined && late > 0) {
    throw new RangeError('events below the retention fence cannot be imported');
  }
  // What happens now would be dropped: an acknowledgement would be false.
  if (late > 0 && draft.fence > receivedAt) throw new FenceAhead(draft.fence, receivedAt);
  writeEvents(draft, kept, app, firstId ?? next.offset);
  if (batchId !== undefined) batchIds.set(key, { app, batchId, receivedAt, offset: next.offset });
  if (columns.ts.length > 0 || batchId !== undefined) draft.hasStored = true;
  draft.events += kept.ts.length;
  return { result: 'stored', late };
}

/** Writes events as record batches in a group's layout. */
function writeEvents(draft: Draft, columns: EventColumns, app: number, firstId: number): void {
  const { next } = draft;
  const { ts, userSessions, bytes, spans } = columns;
  if (firstId < next.offset)
    throw new RangeError(`id ${firstId} was given already: the next is ${next.offset}`);
  next.offset = firstId;
  for (let from = 0; from < ts.length; ) {
    const to = runEnd(columns, from);
    const user = numberOf(draft, 'user', (userSessions[from] as UserSession).userId);
    for (let i = from; i < to; i++) {
      const at = i * SPANS + NAME_SPAN;
      names[i - from] = nameNumber(draft, bytes, spans[at] as number, spans[at + 1] as number);
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
    draft.batches++;
    next.offset += to - from;
    from = to;
  }
}

/** The number of a text, given now when it has none. */
function numberOf({ base, given, next, texts }: Draft, kind: Kind, text: string): number {
  const known = given[kind].get(text) ?? base.number(kind, text);
  if (known !== undefined) return known;
  const number = next[kind]++;
  given[kind].set(text, number);
  texts.push({ kind, number, text });
  return number;
}

/** A number given in this commit may be taken back: it is not remembered before the base knows it. */
function nameNumber(draft: Draft, bytes: Buffer, start: number, end: number): number {
  const { base } = draft;
  const remembered = base.names.find(bytes, start, end);
  if (remembered !== undefined) return remembered;
  const name = bytes.toString('utf8', start, end);
  const known = base.number('name', name);
  if (known !== undefined) base.names.remember(bytes, start, end, known);
  return known ?? numberOf(draft, 'name', name);
}

function seal(draft: Draft): SealedCommit | undefined {
  if (!draft.hasStored && draft.texts.length === 0) return undefined;
  const { next, texts, events } = draft;
  const head = { commit: next.commit - 1, next, texts, batchIds: [...draft.batchIds.values()] };
  return { ...head, events, bytes: packGroup(head, draft.batches) };
}

/** The events that are not below the fence. */
function since(fence: number, columns: EventColumns): EventColumns {
  if (columns.ts.every((ts) => ts >= fence)) return columns;
  return columnsOf(eventsOf(columns).filter(({ ts }) => ts >= fence));
}

/** The layout is described in `commit-group.ts`. */
function packGroup(head: Omit<SealedCommit, 'bytes' | 'events'>, batches: number): Buffer {
  const { commit, next, texts, batchIds } = head;
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
  groupBytes.copy(batchBytes.view(), 0, batchBytes.length);
  const group = Buffer.allocUnsafeSlow(groupBytes.length);
  group.set(groupBytes.view());
  return group;
}
