/** The reader threads as the HTTP thread sees them: two lanes, so that no look-up waits for a heavy read. */
import { Worker } from 'node:worker_threads';
import { QUESTIONS } from '../../questions/index.js';
import type { LaterReads } from '../compose.js';
import { type Call, type Caller, openCaller, type Reply } from './rpc.js';

const HEAVY_NICENESS = 10;

interface Reader {
  call: Caller['call'];
  close(): Promise<void>;
}

function startReader(dataDir: string, niceness: number): Reader {
  const worker = new Worker(new URL('./reader-thread.js', import.meta.url), {
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

/** Two lanes, each started at its first use; a read begins once `caughtUp` settles. */
export function startReaders(
  dataDir: string,
  caughtUp: () => Promise<void> | undefined,
): { read: LaterReads; close(): Promise<void> } {
  const lanes: { light?: Reader; heavy?: Reader } = {};
  const start = {
    light: () => startReader(dataDir, 0),
    heavy: () => startReader(dataDir, HEAVY_NICENESS),
  };
  const call = async (lane: 'light' | 'heavy', method: string, args: unknown[]) => {
    await caughtUp();
    lanes[lane] ??= start[lane]();
    return lanes[lane].call(method, args);
  };
  const light =
    (method: string) =>
    (...args: unknown[]) =>
      call('light', method, args);
  return {
    read: {
      ask: (kind: keyof typeof QUESTIONS, ...args: unknown[]) =>
        call(QUESTIONS[kind].lane, 'ask', [kind, ...args]),
      tail: light('tail'),
      sessionApps: light('sessionApps'),
      chunkRow: light('chunkRow'),
    } as LaterReads,
    async close() {
      await Promise.all([lanes.light?.close(), lanes.heavy?.close()]);
    },
  };
}
