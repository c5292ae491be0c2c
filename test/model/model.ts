/** What the contract has a store keep and forget, at its most naive: arrays. */
import { createHash } from 'node:crypto';
import type { EventRequest, StoredEvent } from '../../src/domain/event.js';
import { SEEN_MS } from '../../src/domain/limits.js';
import type { AppendResult, NewChunk, WritableStore } from '../../src/store/port.js';
import { answersFrom, appsOfSession } from './model-answers.js';

/** The model is a `Store` that also knows what to forget when its data folder is opened again. */
export interface Model extends WritableStore {
  /** Sets the counters that run "since start" back to zero; everything else is durable. */
  restart(): void;
}

interface Seen {
  app: string;
  batchId: string;
  at: number;
}

interface HeldChunk extends NewChunk {
  version: number;
}

const sameChunk = (a: NewChunk, app: string, session: string, seq: number): boolean =>
  a.app === app && a.session === session && a.seq === seq;

/** A store that keeps everything in arrays and answers by looking at all of it. */
export function createModel(): Model {
  let head = 0;
  let fence = 0;
  let events: StoredEvent[] = [];
  let chunks: HeldChunk[] = [];
  let versions = 0;
  const seen: Seen[] = [];
  const counters = { late_events: 0, deduplicated_batches: 0, committed_events: 0 };
  const listeners = new Set<(head: number) => void>();

  function isDuplicate({ app, batchId, receivedAt }: EventRequest): boolean {
    return seen.some((one) => one.app === app && one.batchId === batchId && receivedAt - one.at <= SEEN_MS);
  }

  /** Why an import cannot be taken: its ids are its own, so none may be taken already, and none left out. */
  function importRefusal({ firstId, events: imported }: EventRequest): string | undefined {
    if (firstId === undefined) return undefined;
    if (firstId <= head) return `id ${firstId} was given already`;
    return imported.some((event) => event.ts < fence) ? 'an event lies below the fence' : undefined;
  }

  function appendBatch(batch: EventRequest): AppendResult {
    if (batch.batchId !== undefined && isDuplicate(batch)) {
      counters.deduplicated_batches++;
      return 'duplicate';
    }
    const refusal = importRefusal(batch);
    if (refusal !== undefined) throw new RangeError(refusal);
    if (batch.batchId !== undefined) {
      seen.push({ app: batch.app, batchId: batch.batchId, at: batch.receivedAt });
    }
    if (batch.firstId !== undefined) head = batch.firstId - 1;
    const kept = batch.events.filter((event) => event.ts >= fence);
    counters.late_events += batch.events.length - kept.length;
    counters.committed_events += kept.length;
    for (const event of kept) {
      head++;
      events.push({ ...event, id: head, app: batch.app });
    }
    return 'stored';
  }

  return {
    async append(batches) {
      const results: PromiseSettledResult<AppendResult>[] = [];
      for (const batch of batches) {
        try {
          results.push({ status: 'fulfilled', value: appendBatch(batch) });
        } catch (reason) {
          results.push({ status: 'rejected', reason });
        }
      }
      for (const listener of listeners) listener(head);
      return results;
    },
    ask: async (kind, ask) => answersFrom({ events, chunks, head })[kind](ask),
    async tail(after, limit) {
      const later = events.filter((event) => event.id > after);
      const page = later.slice(0, limit);
      const following = events.some((event) => event.id === after + 1);
      const last = page.at(-1);
      return {
        events: page,
        head,
        next: later.length > page.length && last !== undefined ? last.id : head,
        gap: after > head || (after < head && !following),
      };
    },
    async putChunk(chunk) {
      versions++;
      chunks = chunks.filter((held) => !sameChunk(held, chunk.app, chunk.session, chunk.seq));
      chunks.push({ ...chunk, version: versions });
    },
    sessionApps: async (session) => appsOfSession({ events, chunks }, session),
    async chunk(app, session, seq) {
      const held = chunks.find((one) => sameChunk(one, app, session, seq));
      if (held === undefined) return undefined;
      const digest = createHash('sha256').update(held.bytes).digest('hex');
      return { bytes: held.bytes, etag: `${held.version}-${digest}` };
    },
    async sweep(cutoffs) {
      fence = Math.max(fence, cutoffs.eventsBefore ?? 0);
      const before = { events: events.length, chunks: chunks.length };
      events = events.filter((event) => event.ts >= fence);
      chunks = chunks.filter((chunk) => chunk.receivedAt >= (cutoffs.replaysBefore ?? 0));
      return { events: before.events - events.length, chunks: before.chunks - chunks.length };
    },
    timeEvidence: async (now) => now,
    noteTime: async () => {},
    async stats() {
      return {
        head,
        file_bytes: 0,
        ...counters,
        commits: 0,
        committed_batches: 0,
        queue_requests: 0,
        queue_bytes: 0,
        commit_seconds: 0,
      };
    },
    onCommit(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    failed: new Promise(() => {}),
    async close() {},
    restart() {
      counters.late_events = 0;
      counters.deduplicated_batches = 0;
      counters.committed_events = 0;
    },
  };
}
