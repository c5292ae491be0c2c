/**
 * Opens the store as the collector runs it: one writer thread, reader threads, and this thread free for HTTP.
 *
 * Heavy reads have a thread of their own, at a lower priority, so that neither ingest nor a look-up waits for them.
 */
import { Worker } from 'node:worker_threads';
import type { Config } from '../config.js';
import { newWindowMemory, sharedWindows } from '../ingest/event-limiter.js';
import { createIngest } from '../ingest/ingest.js';
import type { Ingest } from '../ingest/types.js';
import { RETRY_AFTER_S } from '../limits.js';
import { prepareDataDir } from '../log/env.js';
import { acquireWriterLock } from '../log/writer-lock.js';
import type { RebuildProgress } from '../projections/rebuild.js';
import { openChunkFiles } from '../replay/files.js';
import { composeStore, type Later, type Sides } from './compose.js';
import type { ReadSide } from './engine.js';
import { type Store, StoreFailed } from './store.js';
import { openIngestQueue } from './threads/ingest-queue.js';
import type { FromWriter, WriterData } from './threads/messages.js';
import { type Call, type Caller, fromPlain, openCaller, type PlainError, type Reply } from './threads/rpc.js';
import type { Settled } from './writer.js';

export interface OpenStoreOptions extends Pick<Config, 'dataDir' | 'apps' | 'limits'> {
  onProgress?: (progress: RebuildProgress) => void;
  /** Unix ms. */
  now?: () => number;
  lockWaitMs?: number;
}

const HEAVY_NICENESS = 10;
const HEAVY: ReadonlySet<keyof ReadSide> = new Set<keyof ReadSide>([
  'funnel',
  'aggregates',
  'names',
  'errorGroups',
  'occurrences',
  'neighbours',
  'activity',
  'sessionWindow',
]);
const READS = [
  'events',
  'event',
  'sessionWindow',
  'tail',
  'users',
  'sessions',
  'funnel',
  'aggregates',
  'names',
  'errorGroups',
  'occurrences',
  'neighbours',
  'activity',
  'sessionApps',
  'chunkRows',
  'chunkRow',
] as const satisfies (keyof ReadSide)[];

/** Opens the store and the way in; throws `StoreUnusable` when the folder cannot be used, with nothing touched. */
export async function openStore(options: OpenStoreOptions): Promise<{ store: Store; ingest: Ingest }> {
  const { dataDir, apps, limits, onProgress = () => {}, now = Date.now } = options;
  prepareDataDir(dataDir);
  const lock = await acquireWriterLock(dataDir, options.lockWaitMs);
  try {
    const writer = await startWriter(
      { dataDir, apps, limits, windowMemory: newWindowMemory(Object.keys(apps).length) },
      onProgress,
    );
    const readers = startReaders(dataDir);
    const store = composeStore({
      write: writer.write,
      read: readers.read,
      files: openChunkFiles(dataDir),
      queue: writer.queue.sizes,
      onCommit: writer.onCommit,
      failed: writer.failed,
      now,
      async close() {
        await writer.queue.idle();
        await readers.close();
        await writer.close();
        await lock.release();
      },
    });
    return { store, ingest: writer.queue.ingest };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function startWriter(data: WriterData, onProgress: (progress: RebuildProgress) => void) {
  const worker = new Worker(new URL('./threads/writer-thread.js', import.meta.url), { workerData: data });
  const listeners = new Set<(head: number) => void>();
  const caller = openCaller((call) => worker.postMessage(call));
  const windows = sharedWindows(Object.keys(data.apps), data.windowMemory);
  const queue = openIngestQueue(
    (message, transfer) => worker.postMessage(message, transfer),
    createIngest({ apps: data.apps, limits: data.limits, windows: { get: windows.get, set: () => {} } }),
  );
  let lastHead = 0;
  const announce = (head: number): void => {
    if (head === lastHead) return;
    lastHead = head;
    for (const listener of listeners) listener(head);
  };

  let closing = false;
  const failed = new Promise<Error>((resolve) => {
    const fail = (error: Error): void => {
      if (closing) return;
      queue.refuseAll({ code: 'not_accepting', detail: 'the store has failed', retryAfterS: RETRY_AFTER_S });
      caller.fail(new StoreFailed(error.message, { cause: error }));
      resolve(error);
    };
    worker.on('message', (message: FromWriter) => {
      if (message.kind === 'failed') fail(fromPlain(message.error));
    });
    worker.on('error', fail);
    worker.on('exit', () => fail(new StoreFailed('the writer thread ended')));
  });

  await new Promise<void>((resolve, reject) => {
    worker.once('error', reject);
    worker.on('message', (message: FromWriter) => {
      switch (message.kind) {
        case 'ready':
          lastHead = message.head;
          return resolve();
        case 'unusable':
          closing = true;
          void worker.terminate();
          return reject(fromPlain(message.error));
        case 'progress':
          return onProgress(message.progress);
        case 'ingested':
          queue.settle(message);
          return announce(message.head);
        case 'committed':
          return announce(message.head);
        case 'reply':
          return caller.settle(message);
      }
    });
  });

  const call =
    (method: string) =>
    (...args: unknown[]) =>
      caller.call(method, args);
  const write: Sides['write'] = {
    async commit(group) {
      const settled = (await caller.call('commit', [group])) as (Settled | { error: PlainError })[];
      return settled.map((one) => ('error' in one ? { error: fromPlain(one.error) } : one));
    },
    putChunkRow: call('putChunkRow') as Sides['write']['putChunkRow'],
    dropExpiredChunks: call('dropExpiredChunks') as Sides['write']['dropExpiredChunks'],
    sweepEvents: call('sweepEvents') as Sides['write']['sweepEvents'],
    stats: call('stats') as Sides['write']['stats'],
  };
  return {
    write,
    queue,
    failed,
    onCommit(listener: (head: number) => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      closing = true;
      await caller.call('close', []).catch(() => {});
      await worker.terminate();
    },
  };
}

interface Reader {
  call: Caller['call'];
  close(): Promise<void>;
}

function startReader(dataDir: string, niceness: number): Reader {
  const worker = new Worker(new URL('./threads/reader-thread.js', import.meta.url), {
    workerData: { dataDir, niceness },
  });
  const caller = openCaller((call: Call) => worker.postMessage(call));
  worker.on('message', (message: Reply | { kind: 'ready' }) => {
    if (message.kind === 'reply') caller.settle(message);
  });
  worker.on('error', (error) => caller.fail(error));
  worker.on('exit', () => caller.fail(new Error('a reader thread ended')));
  return {
    call: caller.call,
    async close() {
      await caller.call('close', []).catch(() => {});
      await worker.terminate();
    },
  };
}

/** Two lanes, each started at its first use. */
function startReaders(dataDir: string): { read: Later<ReadSide>; close(): Promise<void> } {
  const lanes: { light?: Reader; heavy?: Reader } = {};
  const light = () => {
    lanes.light ??= startReader(dataDir, 0);
    return lanes.light;
  };
  const heavy = () => {
    lanes.heavy ??= startReader(dataDir, HEAVY_NICENESS);
    return lanes.heavy;
  };
  const entries = READS.map((method) => [
    method,
    (...args: unknown[]) => (HEAVY.has(method) ? heavy() : light()).call(method, args),
  ]);
  return {
    read: Object.fromEntries(entries) as Later<ReadSide>,
    async close() {
      await Promise.all([lanes.light?.close(), lanes.heavy?.close()]);
    },
  };
}
