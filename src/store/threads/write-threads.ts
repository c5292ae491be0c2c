/**
 * The ingest thread and the writer thread, from the HTTP thread. A batch is answered once it is durable in
 * the WAL; the tables take it a moment later, so a read first waits until they hold everything that was
 * durable when it began.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { Config } from '../../config/config.js';
import { INGEST_HEAP_MB, RETRY_AFTER_S, STOP_APPLY_MS } from '../../domain/limits.js';
import { createDoor } from '../../ingest/door.js';
import { openIngestQueue } from '../../ingest/queue.js';
import type { Later, Sides } from '../compose.js';
import { openHeads } from '../heads.js';
import { type OnProgress, StoreFailed } from '../port.js';
import { heapOf, threadError } from './heap.js';
import type { IngestCalls } from './ingest-thread.js';
import type {
  EndMessage,
  FromIngest,
  FromWriter,
  IngestData,
  Notice,
  ToWriter,
  WriterData,
} from './messages.js';
import { fromPlain, openCaller } from './rpc.js';

/** How often a start that is behind says so. */
const CATCHING_UP_LOG_MS = 5_000;

type WriterCalls = Omit<Sides['write'], 'appNumber' | 'timeEvidence'>;

export interface WriteThreadsOptions extends Pick<Config, 'dataDir' | 'apps' | 'limits'> {
  onProgress: OnProgress;
  onNotice: (notice: Notice) => void;
  /** Where the threads keep what they measure (`openMeters`). */
  meterMemory: Float64Array;
}

/** Commits up to `durable` are in the WAL, up to `applied` in the tables; both only grow. */
function openProgress(askToApply: (commit: number) => void) {
  let durable = 0;
  let applied = 0;
  let failure: Error | undefined;
  let waiting: { commit: number; resolve: () => void; reject: (error: Error) => void }[] = [];
  /** All who wait for a commit share a promise. */
  let last: { commit: number; promise: Promise<void> } | undefined;
  return {
    /** Commits that are durable and not in the tables. */
    left: () => durable - applied,
    durable(commit: number): void {
      durable = Math.max(durable, commit);
    },
    applied(commit: number): void {
      applied = commit;
      durable = Math.max(durable, commit);
      const due = waiting.filter((one) => one.commit <= commit);
      waiting = waiting.filter((one) => one.commit > commit);
      for (const { resolve } of due) resolve();
    },
    /**
     * Settles once the tables hold all that is durable now; undefined when they do already. Nobody need handle a rejection:
     * the failure is reported by itself.
     */
    caughtUp(): Promise<void> | undefined {
      if (durable <= applied) return undefined;
      if (last?.commit === durable) return last.promise;
      const promise = new Promise<void>((resolve, reject) => {
        if (failure) reject(failure);
        else waiting.push({ commit: durable, resolve, reject });
      });
      promise.catch(() => {});
      last = { commit: durable, promise };
      if (failure === undefined) askToApply(durable);
      return promise;
    },
    fail(error: Error): void {
      failure = error;
      for (const { reject } of waiting) reject(error);
      waiting = [];
    },
  };
}

export async function startWriteThreads(options: WriteThreadsOptions) {
  const { dataDir, apps, limits, onProgress, onNotice, meterMemory } = options;
  const { port1, port2 } = new MessageChannel();
  const writer = startThread('writer', { dataDir, meterMemory, ingest: port1 }, port1);
  let door = createDoor({ apps, limits });
  const queue = openIngestQueue(
    (message, transfer) => ingest.postMessage(message, transfer),
    limits.body_bytes,
    (request) => door.showsKeyAtStart(request),
  );
  const ingestData: IngestData = { dataDir, apps, limits, gone: queue.gone, meterMemory, writer: port2 };
  const ingest = startThread('ingest', ingestData, port2);
  const toWriter = (message: ToWriter): void => writer.postMessage(message);
  const callWriter = openCaller<WriterCalls>(toWriter);
  const callIngest = openCaller<Later<IngestCalls>>((call) => ingest.postMessage(call));
  const progress = openProgress((commit) => toWriter({ kind: 'apply', commit }));
  const heads = openHeads();
  const failure = watchThreads({ writer, ingest }, (error) => {
    queue.refuseAll({ code: 'not_accepting', detail: 'the store has failed', retryAfterS: RETRY_AFTER_S });
    for (const { fail } of [callWriter, callIngest, progress]) fail(error);
  });

  ingest.on('message', (message: FromIngest) => {
    if (message.kind === 'reply') callIngest.takeReply(message);
    if (message.kind === 'notice') onNotice(message);
    if (message.kind === 'ingested') {
      progress.durable(message.commit);
      queue.answer(message);
    }
  });
  writer.on('message', (message: FromWriter) => {
    if (message.kind === 'reply') callWriter.takeReply(message);
    if (message.kind === 'progress') onProgress(message.progress);
    if (message.kind === 'notice') onNotice(message);
    if (message.kind === 'applied') {
      progress.applied(message.commit);
      heads.tell(message.head);
    }
  });

  await bothReady(writer, ingest, failure.ignore);
  const fromLastRun = progress.caughtUp();
  if (fromLastRun) void tellCatchingUp(fromLastRun, progress.left, onNotice);

  return {
    write: writeSideOf(callWriter.calls, callIngest.calls, progress),
    queue,
    failed: failure.failed,
    caughtUp: progress.caughtUp,
    onCommit: heads.onCommit,
    configure({ apps, limits }: Pick<Config, 'apps' | 'limits'>): Promise<void> {
      door = createDoor({ apps, limits });
      return callIngest.calls.configure({ apps, limits });
    },
    /** Waits for the answers to what was accepted; while the writer is far behind, the rest is refused. */
    async idle() {
      await atMost(STOP_APPLY_MS, queue.idle());
      queue.refuseAll({ code: 'not_accepting', detail: 'the store closes', retryAfterS: RETRY_AFTER_S });
    },
    async close() {
      // A store that stands still is simpler to copy; but the WAL keeps what takes longer for the next start.
      await atMost(STOP_APPLY_MS, progress.caughtUp());
      progress.fail(new StoreFailed('the store was closed'));
      failure.ignore();
      await end(ingest);
      await end(writer);
    },
  };
}

/** Settles once the threads are ready; if one cannot be, calls `onFailure`, ends both and rejects with why. */
async function bothReady(writer: Worker, ingest: Worker, onFailure: () => void): Promise<void> {
  try {
    // Both at once: the ingest thread may be ready before the writer's message arrives.
    await Promise.all([ready('writer', writer), ready('ingest', ingest)]);
  } catch (error) {
    onFailure();
    await Promise.all([end(ingest), end(writer)]);
    throw error;
  }
}

/** Says in the log, now and then, how far the tables are behind after a start. */
async function tellCatchingUp(
  caughtUp: Promise<void>,
  left: () => number,
  onNotice: (notice: Notice) => void,
): Promise<void> {
  const say = (text: string): void => onNotice({ level: 'info', text });
  say(
    `${left()} commits that the last run left in the WAL are applied beside what goes on; reads wait for them`,
  );
  const timer = setInterval(() => say(`${left()} commits are still to be applied`), CATCHING_UP_LOG_MS);
  try {
    await caughtUp;
    say('the tables hold what the last run left in the WAL');
  } catch {
    // The failure is reported by itself.
  } finally {
    clearInterval(timer);
  }
}

/** Waits for work, whatever comes of it, but no longer than so many ms. */
async function atMost(ms: number, work: Promise<unknown> | undefined): Promise<void> {
  const timer = new AbortController();
  const tooLong = sleep(ms, undefined, { signal: timer.signal });
  await Promise.race([work, tooLong]).catch(() => {});
  timer.abort();
  await tooLong.catch(() => {});
}

/** Waits for the first failure of either thread; `onFailure` is called a turn later than `failed` settles. */
function watchThreads(threads: { writer: Worker; ingest: Worker }, onFailure: (error: StoreFailed) => void) {
  let isEnding = false;
  const failed = new Promise<Error>((resolve) => {
    const fail = (error: Error): void => {
      if (isEnding) return;
      resolve(error);
      // The failure is reported before the requests under way are answered.
      setImmediate(() => onFailure(new StoreFailed(error.message, { cause: error.cause })));
    };
    for (const [name, worker] of Object.entries(threads)) {
      worker.on('message', (message: FromWriter | FromIngest) => {
        if (message.kind === 'failed') fail(fromPlain(message.error));
      });
      worker.on('error', (error) => fail(threadError(name, error)));
      worker.on('exit', () => fail(new StoreFailed(`the ${name} thread ended`)));
    }
  });
  return {
    failed,
    /** The threads are about to be ended. */
    ignore(): void {
      isEnding = true;
    },
  };
}

/** The write side as calls of the two threads. */
function writeSideOf(
  writer: WriterCalls,
  ingest: Later<IngestCalls>,
  progress: ReturnType<typeof openProgress>,
): Sides['write'] {
  return {
    putChunkRow: writer.putChunkRow,
    dropExpiredChunks: writer.dropExpiredChunks,
    async appNumber(app) {
      const { number, commit, isApplied } = await ingest.appNumber(app);
      progress.durable(commit);
      // A backup holds tables only: under a number they do not know, a row would be another app's one day.
      if (!isApplied) await progress.caughtUp();
      return number;
    },
    // Empty tables are no sign of an empty store while the WAL holds more.
    timeEvidence: (now) => ingest.timeEvidence(progress.left() > 0 ? undefined : now),
    noteTime: writer.noteTime,
    async sweepEvents(before, now, fenceMax) {
      // Later events below the fence are dropped; the tables hold all earlier ones when the sweep begins.
      progress.durable(await ingest.raiseFence(before));
      await progress.caughtUp();
      const events = await writer.sweepEvents(before, now, fenceMax);
      await ingest.lowerFence(fenceMax);
      return events;
    },
    async stats() {
      await progress.caughtUp();
      const [tables, ingested] = await Promise.all([writer.stats(), ingest.stats()]);
      return { ...tables, ...ingested };
    },
  };
}

function startThread(name: string, workerData: WriterData | IngestData, port: MessagePort): Worker {
  return new Worker(new URL(`./${name}-thread.js`, import.meta.url), {
    name,
    workerData,
    transferList: [port],
    resourceLimits: heapOf(name === 'ingest' ? INGEST_HEAP_MB : undefined),
  });
}

/**
 * Asks a thread to end and waits for it. It is never terminated: within a transaction it would leave LMDB's
 * lock behind, and the end of the process would wait for that lock for ever.
 */
function end(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    if (worker.threadId === -1) return resolve();
    worker.once('exit', () => resolve());
    worker.postMessage({ kind: 'end' } satisfies EndMessage);
  });
}

/** Settles once the thread says that it is ready; rejects with why it cannot be. */
function ready(name: string, worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.once('error', (error) => reject(threadError(name, error)));
    worker.on('message', (message: FromWriter | FromIngest) => {
      if (message.kind === 'ready') resolve();
      if (message.kind === 'unusable') reject(fromPlain(message.error));
    });
  });
}
