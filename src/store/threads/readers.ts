/** The reader threads, from the HTTP thread: two lanes, so that no look-up waits for a heavy read. */
import { Worker } from 'node:worker_threads';
import { QUESTIONS } from '../../questions/index.js';
import type { LaterReads } from '../compose.js';
import { openCaller } from './rpc.js';

const NICENESS = { light: 0, heavy: 10 };

type Reader = ReturnType<typeof startReader>;

function startReader(dataDir: string, niceness: number) {
  const worker = new Worker(new URL('./reader-thread.js', import.meta.url), {
    workerData: { dataDir, niceness },
  });
  const { calls, takeReply, fail } = openCaller<LaterReads & { close(): Promise<void> }>((call) =>
    worker.postMessage(call),
  );
  worker.on('message', takeReply);
  worker.on('error', fail);
  worker.on('exit', () => fail(new Error('a reader thread ended')));
  return {
    calls,
    async close() {
      await calls.close().catch(() => {});
      await worker.terminate();
    },
  };
}

/** Each lane starts at its first use; a read begins once `caughtUp` resolves. */
export function startReaders(dataDir: string, caughtUp: () => Promise<void> | undefined) {
  const lanes: { light?: Reader; heavy?: Reader } = {};
  const on = async (lane: 'light' | 'heavy'): Promise<Reader> => {
    await caughtUp();
    lanes[lane] ??= startReader(dataDir, NICENESS[lane]);
    return lanes[lane];
  };
  const read: LaterReads = {
    ask: async (kind, ask) => (await on(QUESTIONS[kind].lane)).calls.ask(kind, ask),
    tail: async (...args) => (await on('light')).calls.tail(...args),
    sessionApps: async (...args) => (await on('light')).calls.sessionApps(...args),
    chunkRow: async (...args) => (await on('light')).calls.chunkRow(...args),
    exportPage: async (...args) => (await on('heavy')).calls.exportPage(...args),
  };
  return {
    read,
    async close() {
      await Promise.all([lanes.light?.close(), lanes.heavy?.close()]);
    },
  };
}
