/**
 * The ingest thread: parses raw requests, makes commit groups of what is valid, and puts them in the WAL.
 *
 * Whatever arrives while a group waits for the disk forms the next one: no timer ever holds a request back.
 */
import '../../telemetry/source-maps.js';
import { parentPort, workerData } from 'node:worker_threads';
import type { ColumnRequest } from '../../domain/event-columns.js';
import { GROUP_BODY_BYTES_MAX, GROUP_REQUESTS_MAX, RETRY_AFTER_S } from '../../domain/limits.js';
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

/** Requests at the head of the queue, made ready to be stored together, or refused. */
interface Taken {
  count: number;
  batches: ColumnRequest[];
  /** By batch: which of the requests it is of. */
  indexes: number[];
  refusals: [index: number, Refusal][];
  /** The request behind them takes what is not loaded yet. */
  isCutShort: boolean;
}

function take(
  waiting: readonly IngestRequest[],
  ingest: (request: IngestRequest) => IngestOutcome | undefined,
): Taken {
  const taken: Taken = { count: 0, batches: [], indexes: [], refusals: [], isCutShort: false };
  let bodyBytes = 0;
  for (const request of waiting) {
    if (taken.count === GROUP_REQUESTS_MAX || bodyBytes > GROUP_BODY_BYTES_MAX) break;
    const outcome = ingest(request);
    if (outcome === undefined) {
      taken.isCutShort = true;
      break;
    }
    if (outcome.refusal) taken.refusals.push([taken.count, outcome.refusal]);
    else {
      taken.batches.push(outcome.batch);
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

  /** Undefined where it takes what is not loaded yet. */
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
    // The writer is behind: what waits here fills the queue, which turns the rest away.
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
    /** What comes after this call is taken in by these settings; what apps have sent this minute still counts. */
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

/** What the calls answer is durable; each says the commit that reads have to see. */
function openCalls(commits: IngestCommits, configure: (settings: IngestSettings) => void) {
  const { pending, stats } = commits;
  return {
    configure,
    stats: () => stats,
    appNumber(app: string): unknown {
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
    return openIngestCommits({
      dataDir,
      meters,
      onDurable(bytes) {
        const message: CommitGroupMessage = { kind: 'group', bytes };
        writer.postMessage(message, [bytes.buffer as ArrayBuffer]);
      },
      onFailure: (error) => post({ kind: 'failed', error: toPlain(error) }),
    });
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
