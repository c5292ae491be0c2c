/**
 * The ingest thread: parses raw requests, makes commit groups of what is valid, and puts them in the journal.
 *
 * Whatever arrives while a group waits for the disk forms the next one: no timer ever holds a request back.
 */
import '../../telemetry/source-maps.js';
import { performance } from 'node:perf_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import type { EventBatch } from '../../domain/event.js';
import type { ColumnBatch } from '../../domain/event-columns.js';
import {
  GROUP_BODY_BYTES_MAX,
  GROUP_REQUESTS_MAX,
  RETRY_AFTER_S,
  UNAPPLIED_BYTES_MAX,
} from '../../domain/limits.js';
import { sharedWindows, type Windows } from '../../ingest/event-limiter.js';
import { createIngest, type IngestOptions } from '../../ingest/ingest.js';
import type { IngestOutcome, IngestRequest, Refusal } from '../../ingest/types.js';
import { openLog } from '../../log/batches/log.js';
import { reason, StoreUnusable } from '../../log/file/data-dir.js';
import { openEnv } from '../../log/file/env.js';
import { beginCommit, type SealedCommit } from '../../log/wal/commit.js';
import { openJournal } from '../../log/wal/journal.js';
import { openPending } from '../../log/wal/pending.js';
import { openMeters } from '../../telemetry/meters.js';
import { StoreFailed } from '../port.js';
import { addAll, count, noStats, type Settled } from '../writer.js';
import type {
  EndMessage,
  FromIngest,
  GroupMessage,
  IngestData,
  IngestMessage,
  IngestSettings,
  WriterToIngest,
} from './messages.js';
import { answer, type Call, toPlain } from './rpc.js';

if (!parentPort) throw new Error('the ingest thread must be started by openStore');
const port = parentPort;
const post = (message: FromIngest): void => port.postMessage(message);
const { dataDir, meterMemory, writer, ...firstSettings } = workerData as IngestData;
const meters = openMeters(meterMemory);

/** Its errors have numbers. Once a transaction of the writer's failed it refuses reads too, which may be before word of that is here. */
const isOfLmdb = (error: Error): boolean => typeof (error as { code?: unknown }).code === 'number';

function refuse({ error }: { error: Error }): Refusal {
  if (error instanceof StoreFailed || isOfLmdb(error)) {
    return { code: 'not_accepting', detail: error.message, retryAfterS: RETRY_AFTER_S };
  }
  return { code: 'internal', detail: 'the batch could not be stored' };
}

function requestsOf({ bytes, lengths, receivedAt, headers }: IngestMessage): IngestRequest[] {
  let at = 0;
  const requests = lengths.map((length, index): IngestRequest => {
    const body = bytes.subarray(at, at + length);
    at += length;
    return { body, receivedAt: receivedAt[index] ?? 0 };
  });
  for (const [index, named] of headers) Object.assign(requests[index] ?? {}, named);
  return requests;
}

class NotLoaded extends Error {}

/**
 * Reads the bodies that the fast reader leaves. It and the schema it goes by are most of what this thread would load, and few apps
 * ever send such a body.
 */
function openExactReader() {
  let readExact: IngestOptions['readExact'] | undefined;
  return {
    /** Throws `NotLoaded`. */
    read: (json: Buffer) => {
      if (readExact === undefined) throw new NotLoaded();
      return readExact(json);
    },
    /** Where it cannot be loaded, the bodies that take it are refused, and all others go on. */
    async load(): Promise<void> {
      try {
        ({ readExact } = await import('../../ingest/exact-reader.js'));
      } catch (error) {
        const text = `some bodies are refused until the collector is started again: ${reason(error)}`;
        post({ kind: 'notice', level: 'error', text });
        readExact = () => {
          throw error;
        };
      }
    },
  };
}

/** Commits requests on top of the log and of the groups that are on their way into it. */
function openCommitting() {
  const env = openEnv(dataDir, { mode: 'write' });
  const log = openLog(env);
  const pending = openPending(log);
  const journal = openJournal(dataDir, log.storeId, meters.sync_seconds);
  const stats = noStats();
  let unapplied: { commit: number; bytes: number; durableAt: number }[] = [];
  let unappliedBytes = 0;
  let failure: StoreFailed | undefined;

  const noteUnapplied = (): void => {
    meters.set('unapplied_commits', unapplied.length);
    meters.set('unapplied_bytes', unappliedBytes);
    meters.set('unapplied_since', unapplied[0]?.durableAt ?? 0);
  };

  const makeDurable = ({ commit, bytes }: SealedCommit): void => {
    try {
      journal.append(bytes);
    } catch (error) {
      failure = new StoreFailed('a commit failed; nothing is accepted until a restart', { cause: error });
      post({ kind: 'failed', error: toPlain(failure) });
      throw failure;
    }
    unapplied.push({ commit, bytes: bytes.length, durableAt: Date.now() });
    unappliedBytes += bytes.length;
    noteUnapplied();
    const message: GroupMessage = { kind: 'group', bytes };
    writer.postMessage(message, [bytes.buffer as ArrayBuffer]);
  };

  const store = (requests: readonly (EventBatch | ColumnBatch)[]): Settled[] => {
    const commit = beginCommit(pending);
    const { settled, late } = addAll(commit, requests);
    const sealed = commit.seal();
    if (!sealed) return settled;
    makeDurable(sealed);
    pending.push(sealed);
    stats.commits++;
    stats.late_events += late;
    stats.committed_events += sealed.events;
    return settled;
  };

  return {
    stats,
    pending,
    isAppApplied: (app: string) => log.dictionaries.number('app', app) !== undefined,
    isFull: () => unappliedBytes > UNAPPLIED_BYTES_MAX,
    commit(requests: readonly (EventBatch | ColumnBatch)[]): Settled[] {
      const start = performance.now();
      let settled: Settled[];
      try {
        if (failure) throw failure;
        settled = store(requests);
      } catch (error) {
        settled = requests.map(() => ({ error: error as Error }));
      }
      const seconds = (performance.now() - start) / 1_000;
      stats.commit_seconds += seconds;
      meters.commit_seconds.observe(seconds);
      meters.group_requests.observe(requests.length);
      count(stats, settled);
      return settled;
    },
    applied(commit: number): void {
      env.renewSnapshot();
      pending.applied(commit);
      journal.applied(commit);
      unapplied = unapplied.filter((group) => group.commit > commit);
      unappliedBytes = unapplied.reduce((sum, group) => sum + group.bytes, 0);
      noteUnapplied();
    },
    async close(): Promise<void> {
      journal.close();
      await env.close();
    },
  };
}

function start(): void {
  try {
    serve(openCommitting());
  } catch (error) {
    post({ kind: 'unusable', error: toPlain(new StoreUnusable((error as Error).message)) });
  }
}

function serve(committing: ReturnType<typeof openCommitting>): void {
  let windows: Windows;
  let ingest: (request: IngestRequest) => IngestOutcome;
  const exactReader = openExactReader();
  const configure = ({ apps, limits, windowMemory }: IngestSettings): void => {
    windows = sharedWindows(Object.keys(apps), windowMemory);
    ingest = createIngest({ apps, limits, readExact: exactReader.read, windows });
  };
  configure(firstSettings);
  let waiting: IngestRequest[] = [];
  let isDraining = false;
  let isLoading = false;

  /** Undefined where it takes what is not loaded yet. */
  const parse = (request: IngestRequest): IngestOutcome | undefined => {
    try {
      return ingest(request);
    } catch (error) {
      if (error instanceof NotLoaded) return undefined;
      return { refusal: { code: 'internal', detail: 'the batch could not be read' } };
    }
  };

  const drain = (): void => {
    isDraining = false;
    // The writer is behind: what waits here fills the queue, which turns the rest away.
    if (waiting.length === 0 || committing.isFull() || isLoading) return;
    const group: ColumnBatch[] = [];
    const places: number[] = [];
    const refusals: [number, Refusal][] = [];
    let total = 0;
    let bodyBytes = 0;
    for (const request of waiting) {
      if (total === GROUP_REQUESTS_MAX || bodyBytes > GROUP_BODY_BYTES_MAX) break;
      const outcome = parse(request);
      if (outcome === undefined) {
        isLoading = true;
        break;
      }
      const { batch, refusal } = outcome;
      if (refusal) refusals.push([total, refusal]);
      else {
        group.push(batch);
        places.push(total);
      }
      bodyBytes += request.body.length;
      total++;
    }
    waiting = waiting.slice(total);
    if (isLoading) {
      void exactReader.load().then(() => {
        isLoading = false;
        drainSoon();
      });
      if (total === 0) return;
    }
    const settled = group.length > 0 ? committing.commit(group) : [];
    settled.forEach((one, index) => {
      if ('error' in one) refusals.push([places[index] ?? 0, refuse(one)]);
    });
    post({ kind: 'ingested', count: total, refusals, commit: committing.pending.newest() });
    if (waiting.length > 0) drainSoon();
  };
  const drainSoon = (): void => {
    if (isDraining) return;
    isDraining = true;
    setImmediate(drain);
  };

  /** What the calls answer is durable; each says the commit that reads have to see. */
  const calls = {
    commit(requests: readonly EventBatch[]): unknown {
      const settled = committing
        .commit(requests)
        .map((one) => ('error' in one ? { error: toPlain(one.error) } : one));
      return { settled, commit: committing.pending.newest() };
    },
    appNumber(app: string): unknown {
      const [settled] = committing.pending.number('app', app) ? [] : committing.commit([emptyBatch(app)]);
      if (settled && 'error' in settled) throw settled.error;
      return {
        number: committing.pending.number('app', app),
        commit: committing.pending.newest(),
        isApplied: committing.isAppApplied(app),
      };
    },
    raiseFence(fence: number): number {
      committing.pending.raiseFence(fence);
      return committing.pending.newest();
    },
    stats: () => committing.stats,
    /** What comes after this call is taken in by other settings; what apps have sent this minute still counts. */
    configure(settings: IngestSettings): void {
      const before = windows;
      configure(settings);
      for (const app of Object.keys(settings.apps)) {
        const window = before.get(app);
        if (window) windows.set(app, window);
      }
    },
  };

  writer.on('message', (message: WriterToIngest) => {
    if (message.kind === 'opened') return;
    committing.applied(message.commit);
    drainSoon();
  });
  port.on('message', (message: IngestMessage | Call | EndMessage) => {
    if (message.kind === 'end') {
      waiting = [];
      void committing.close().then(() => process.exit());
      return;
    }
    if (message.kind === 'call') {
      void answer(calls, message).then(post);
      return;
    }
    waiting.push(...requestsOf(message));
    drainSoon();
  });
  post({ kind: 'ready' });
}

const emptyBatch = (app: string): EventBatch => ({ app, receivedAt: 0, events: [] });

const endEarly = ({ kind }: EndMessage): void => {
  if (kind === 'end') process.exit();
};
port.on('message', endEarly);
writer.once('message', () => {
  port.off('message', endEarly);
  start();
});
