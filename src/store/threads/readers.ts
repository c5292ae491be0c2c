/** The reader threads, from the HTTP thread: two lanes, so that no look-up waits for a heavy read. */
import { Worker } from 'node:worker_threads';
import { QUESTIONS } from '../../questions/index.js';
import type { LaterReads } from '../compose.js';
import { type Call, type Caller, openCaller, type Reply } from './rpc.js';

const NICENESS = { light: 0, heavy: 10 };

interface Reader {
  call: Caller['call'];
  close(): Promise<void>;
}

function startReader(dataDir: string, niceness: number): Reader {
  const worker = new Worker(new URL('./reader-thread.js', import.meta.url), {
    workerData: { dataDir, niceness },
  });
  const caller = openCaller((call: Call) => worker.postMessage(call));
  worker.on('message', (reply: Reply) => caller.takeReply(reply));
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

/** Each lane starts at its first use; a read begins once `caughtUp` resolves. */
export function startReaders(
  dataDir: string,
  caughtUp: () => Promise<void> | undefined,
): { read: LaterReads; close(): Promise<void> } {
  const lanes: { light?: Reader; heavy?: Reader } = {};
  const call = async (lane: 'light' | 'heavy', method: string, args: unknown[]) => {
    await caughtUp();
    lanes[lane] ??= startReader(dataDir, NICENESS[lane]);
    return lanes[lane].call(method, args);
  };
  const on =
    (lane: 'light' | 'heavy', method: string) =>
    (...args: unknown[]) =>
      call(lane, method, args);
  return {
    read: {
      ask: (kind: keyof typeof QUESTIONS, ...args: unknown[]) =>
        call(QUESTIONS[kind].lane, 'ask', [kind, ...args]),
      tail: on('light', 'tail'),
      sessionApps: on('light', 'sessionApps'),
      chunkRow: on('light', 'chunkRow'),
      exportPage: on('heavy', 'exportPage'),
    } as LaterReads,
    async close() {
      await Promise.all([lanes.light?.close(), lanes.heavy?.close()]);
    },
  };
}
