/**
 * The ingest thread: parses raw requests, makes commit groups of the valid ones, and writes these to the WAL.
 * Requests that arrive while a group waits for the disk are the next group: no timer holds a request back.
 */
import '../../telemetry/source-maps.js';
import { parentPort, workerData } from 'node:worker_threads';
import type { ColumnRequest } from '../../domain/event-columns.js';
import {
  GROUP_BODY_BYTES_MAX,
  GROUP_EVENTS_MAX,
  GROUP_REQUESTS_MAX,
  RETRY_AFTER_S,
} from '../../domain/limits.js';
import type { Refusal } from '../../domain/problems.js';
import { sharedWindows, type Windows } from '../../ingest/event-limiter.js';
import { createIngest, type IngestOptions } from '../../ingest/ingest.js';
import type { IngestOutcome, IngestRequest } from '../../ingest/types.js';
import { reason, StoreUnusable } from '../../log/file/data-dir.js';
import { openMeters } from '../../telemetry/meters.js';
import { StoreFailed } from '../port.js';
import { type IngestCommits, openIngestCommits } from './ingest-commits.js';
import type {
  CommitGroupMessage,
  EndMessage,
  FromIngest,
  IngestData,
  IngestMessage,
  IngestSettings,
  WriterToIngest,
} from './messages.js';
import { answer, type Call, toPlain } from './rpc.js';

if (!parentPort) throw new Error('the ingest thread must be started by openStore');
const port = parentPort;
const post = (message: FromIngest): void => port.postMessage(message);
const { dataDir, meterMemory, writer, ...settings } = workerData as IngestData;
const meters = openMeters(meterMemory);

/** LMDB's errors have numbers. After a failed transaction LMDB refuses reads too. */
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

/** Reads the bodies that the fast reader leaves; loaded at the first one, since few apps send such a body. */
function openExactReader() {
  let readExact: IngestOptions['readExact'] | undefined;
  return {
    /** Throws `NotLoaded`. */
    read: (json: Buffer) => {
      if (readExact === undefined) throw new NotLoaded();
      return readExact(json);
    },
    /** If it cannot be loaded, the bodies that need it are refused. */
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

/** Requests at the head of the queue: parsed, to be stored together, or refused. */
interface Taken {
  count: number;
  batches: ColumnRequest[];
  /** By batch: the index of its request. */
  indexes: number[];
  refusals: [index: number, Refusal][];
  /** The next request needs the exact reader, which is not loaded yet. */
  isCutShort: boolean;
}

function take(
  waiting: readonly IngestRequest[],
  ingest: (request: IngestRequest) => IngestOutcome | undefined,
): Taken {
  const taken: Taken = { count: 0, batches: [], indexes: [], refusals: [], isCutShort: false };
  let bodyBytes = 0;
  let events = 0;
  for (const request of waiting) {
    if (taken.count === GROUP_REQUESTS_MAX || bodyBytes > GROUP_BODY_BYTES_MAX || events > GROUP_EVENTS_MAX)
      break;
    const outcome = ingest(request);
    if (outcome === undefined) {
      taken.isCutShort = true;
      break;
    }
    if (outcome.refusal) taken.refusals.push([taken.count, outcome.refusal]);
    else {
      taken.batches.push(outcome.batch);
      events += outcome.batch.columns.ts.length;
      taken.indexes.push(taken.count);
    }
    bodyBytes += request.body.length;
    taken.count++;
  }
  return taken;
}

/** Takes in raw requests in the order of arrival, by settings that may change. */
function openIntake(commits: IngestCommits) {
  const exactReader = openExactReader();
  let windows: Windows = new Map();
  let ingest: (request: IngestRequest) => IngestOutcome;
  let waiting: IngestRequest[] = [];
  let isDraining = false;
  let isLoading = false;

  /** Undefined where it needs the exact reader, which is not loaded yet. */
  const parse = (request: IngestRequest): IngestOutcome | undefined => {
    try {
      return ingest(request);
    } catch (error) {
      if (error instanceof NotLoaded) return undefined;
      return { refusal: { code: 'internal', detail: 'the batch could not be read' } };
    }
  };
  const load = async (): Promise<void> => {
    isLoading = true;
    await exactReader.load();
    isLoading = false;
    drainSoon();
  };
  const drain = (): void => {
    isDraining = false;
    // While the writer is behind, requests wait here and fill the queue, which then refuses.
    if (waiting.length === 0 || commits.isFull() || isLoading) return;
    const { count, batches, indexes, refusals, isCutShort } = take(waiting, parse);
    waiting = waiting.slice(count);
    if (isCutShort) void load();
    if (count === 0) return;
    const outcomes = batches.length > 0 ? commits.commit(batches) : [];
    outcomes.forEach((outcome, index) => {
      if ('error' in outcome) refusals.push([indexes[index] ?? 0, refuse(outcome)]);
    });
    post({ kind: 'ingested', count, refusals, commit: commits.pending.newest() });
    if (waiting.length > 0) drainSoon();
  };
  const drainSoon = (): void => {
    if (isDraining) return;
    isDraining = true;
    setImmediate(drain);
  };

  return {
    drainSoon,
    push(requests: readonly IngestRequest[]): void {
      waiting.push(...requests);
      drainSoon();
    },
    dropWaiting(): void {
      waiting = [];
    },
    /** Later requests are parsed by these settings; what apps have sent this minute still counts. */
    configure({ apps, limits, windowMemory }: IngestSettings): void {
      const before = windows;
      windows = sharedWindows(Object.keys(apps), windowMemory);
      ingest = createIngest({ apps, limits, readExact: exactReader.read, windows });
      for (const app of Object.keys(apps)) {
        const window = before.get(app);
        if (window) windows.set(app, window);
      }
    },
  };
}

/** The answers are durable; each names the commit that reads have to see. */
export type IngestCalls = ReturnType<typeof openCalls>;
function openCalls(commits: IngestCommits, configure: (settings: IngestSettings) => void) {
  const { pending, stats } = commits;
  return {
    configure,
    stats: () => stats,
    appNumber(app: string) {
      const number = commits.appNumber(app);
      return { number, commit: pending.newest(), isApplied: commits.isAppApplied(app) };
    },
    raiseFence(fence: number): number {
      pending.raiseFence(fence);
      return pending.newest();
    },
  };
}

function openCommits(): IngestCommits | undefined {
  try {
    const sendGroup = (bytes: Buffer): void => {
      const message: CommitGroupMessage = { kind: 'group', bytes };
      writer.postMessage(message, [bytes.buffer as ArrayBuffer]);
    };
    const sayFailed = (error: Error): void => post({ kind: 'failed', error: toPlain(error) });
    return openIngestCommits(dataDir, meters, sendGroup, sayFailed);
  } catch (error) {
    post({ kind: 'unusable', error: toPlain(new StoreUnusable((error as Error).message)) });
    return undefined;
  }
}

function start(): void {
  const commits = openCommits();
  if (!commits) return;
  const intake = openIntake(commits);
  intake.configure(settings);
  const calls = openCalls(commits, intake.configure);
  writer.on('message', (message: WriterToIngest) => {
    if (message.kind === 'opened') return;
    commits.applied(message.commit);
    intake.drainSoon();
  });
  port.on('message', (message: IngestMessage | Call | EndMessage) => {
    if (message.kind === 'call') void answer(calls, message).then(post);
    else if (message.kind === 'ingest') intake.push(requestsOf(message));
    else {
      intake.dropWaiting();
      void commits.close().then(() => process.exit());
    }
  });
  // Reads wait for what the last run acknowledged.
  post({ kind: 'ingested', count: 0, refusals: [], commit: commits.pending.newest() });
  post({ kind: 'ready' });
}

const endEarly = ({ kind }: EndMessage): void => {
  if (kind === 'end') process.exit();
};
port.on('message', endEarly);
writer.once('message', () => {
  port.off('message', endEarly);
  start();
});
