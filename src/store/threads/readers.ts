/** The reader threads as the HTTP thread sees them: two lanes, so that no look-up waits for a heavy read. */
import { Worker } from 'node:worker_threads';
import type { Later } from '../compose.js';
import type { ReadSide } from '../sides.js';
import { type Call, type Caller, openCaller, type Reply } from './rpc.js';

const HEAVY_NICENESS = 10;
const HEAVY = [
  'funnel',
  'aggregates',
  'names',
  'errorGroups',
  'occurrences',
  'neighbours',
  'activity',
  'sessionWindow',
  'exportPage',
] as const satisfies (keyof ReadSide)[];
const LIGHT = [
  'events',
  'event',
  'tail',
  'users',
  'sessions',
  'sessionApps',
  'chunkRows',
  'chunkRow',
] as const satisfies (keyof ReadSide)[];

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
): { read: Later<ReadSide>; close(): Promise<void> } {
  const lanes: { light?: Reader; heavy?: Reader } = {};
  const light = () => {
    lanes.light ??= startReader(dataDir, 0);
    return lanes.light;
  };
  const heavy = () => {
    lanes.heavy ??= startReader(dataDir, HEAVY_NICENESS);
    return lanes.heavy;
  };
  const onLane = (lane: () => Reader) => (method: string) => [
    method,
    async (...args: unknown[]) => {
      await caughtUp();
      return lane().call(method, args);
    },
  ];
  const entries = [...LIGHT.map(onLane(light)), ...HEAVY.map(onLane(heavy))];
  return {
    read: Object.fromEntries(entries) as Later<ReadSide>,
    async close() {
      await Promise.all([lanes.light?.close(), lanes.heavy?.close()]);
    },
  };
}
