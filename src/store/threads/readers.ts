/**
 * The reader threads, from the HTTP thread. Look-ups have one of their own; one that turns out long goes on
 * in the second, and passes over data run in the third: so no look-up waits for long.
 */
import { Worker } from 'node:worker_threads';
import { LOOKUP_MS_MAX, READ_MS_MAX, READER_HEAP_MB } from '../../domain/limits.js';
import { ANSWER_BOUNDS, type AnswerBounds } from '../../questions/bounds.js';
import { QUESTIONS } from '../../questions/index.js';
import type { LaterReads } from '../compose.js';
import { type ReadFor, type ReadsState, ReadTimeout } from '../port.js';
import { heapOf } from './heap.js';
import { type Lane, openLane, type ReaderThread, type StartReader } from './lane.js';
import type { Notice } from './messages.js';
import { monotonicMs } from './read-call.js';
import type { Call, Reply } from './rpc.js';

export interface ReaderData {
  dataDir: string;
  niceness: number;
  /** Ids of reads that nobody waits for. */
  cancelled: Int32Array;
  bounds: AnswerBounds;
}

export interface ReadersOptions {
  dataDir: string;
  /** A read begins once it resolves; its rejection is handled by whoever makes it. */
  caughtUp: () => Promise<void> | undefined;
  onNotice: (notice: Notice) => void;
  bounds?: AnswerBounds;
  /** MiB. */
  heapMb?: number;
  /** How long a read may take, and a look-up before it goes on elsewhere. */
  readMs?: number;
  lookupMs?: number;
}

/** The collector's own reads; the live feed, which all its followers share, must not wait for room among them. */
const NOBODY: ReadFor = { reader: '' };
const LIVE_FEED: ReadFor = { reader: 'the live feed' };

type Method = keyof LaterReads;

export function startReaders(options: ReadersOptions) {
  const { dataDir, caughtUp, onNotice, bounds = ANSWER_BOUNDS, heapMb = READER_HEAP_MB } = options;
  const { readMs = READ_MS_MAX, lookupMs = LOOKUP_MS_MAX } = options;
  const startWith =
    (niceness: number): StartReader =>
    (onReply, onEnd, cancelled) =>
      startThread({ dataDir, niceness, cancelled, bounds }, heapMb, onReply, onEnd);
  const lanes = {
    lookups: openLane({ name: 'short', start: startWith(0), onNotice, depth: 8 }),
    long: openLane({ name: 'longer', start: startWith(0), onNotice, depth: 1 }),
    passes: openLane({ name: 'heavy', start: startWith(10), onNotice, depth: 1 }),
  };

  // An object with its own members first and others spread last is made 20 times as fast.
  const look = async (method: Method, args: unknown[], whom: ReadFor = NOBODY): Promise<never> => {
    const read = { method, args, endsAt: monotonicMs() + readMs, ...whom };
    try {
      return (await lanes.lookups.read({ caughtUp: caughtUp(), workMs: lookupMs, ...read })) as never;
    } catch (error) {
      if (!(error instanceof ReadTimeout) || monotonicMs() >= read.endsAt) throw error;
      return (await lanes.long.read({ workMs: readMs, ...read })) as never;
    }
  };
  const pass = async (method: Method, args: unknown[], whom: ReadFor = NOBODY): Promise<never> => {
    const endsAt = monotonicMs() + readMs;
    const read = { method, args, endsAt, workMs: readMs, ...whom };
    return (await lanes.passes.read({ caughtUp: caughtUp(), ...read })) as never;
  };
  const byLane = (kind: keyof typeof QUESTIONS) => (QUESTIONS[kind].lane === 'light' ? look : pass);

  const read: LaterReads = {
    ask: (kind, ask) => byLane(kind)('ask', [kind, ask]),
    answer: (kind, ask, context, whom) => byLane(kind)('answer', [kind, ask, context], whom),
    tail: (...args) => look('tail', args, LIVE_FEED),
    sessionApps: (session, whom) => look('sessionApps', [session], whom),
    chunkRow: (app, session, seq, whom) => look('chunkRow', [app, session, seq], whom),
    exportPage: (...args) => pass('exportPage', args),
  };
  return {
    read,
    state: () => stateOf(Object.values(lanes)),
    async close() {
      await Promise.all(Object.values(lanes).map((lane) => lane.close()));
    },
  };
}

function stateOf(lanes: readonly Lane[]): ReadsState {
  const states = lanes.map((lane) => lane.state());
  const sum = (figure: 'waiting' | 'refused' | 'deaths'): number =>
    states.reduce((total, state) => total + state[figure], 0);
  const down = states.find((state) => state.down !== undefined)?.down;
  return {
    waiting: sum('waiting'),
    refused: sum('refused'),
    deaths: sum('deaths'),
    ...(down === undefined ? {} : { down }),
  };
}

function startThread(
  workerData: ReaderData,
  heapMb: number,
  onReply: (reply: Reply) => void,
  onEnd: (error: Error) => void,
): ReaderThread {
  const worker = new Worker(new URL('./reader-thread.js', import.meta.url), {
    workerData,
    resourceLimits: heapOf(heapMb),
  });
  let reason = new Error('it ended');
  let closed: (() => void) | undefined;
  worker.on('message', (reply: Reply) => {
    if (reply.id === CLOSE_ID) closed?.();
    else onReply(reply);
  });
  worker.on('error', (error) => {
    reason = error;
  });
  worker.once('exit', () => {
    closed?.();
    onEnd(reason);
  });
  return {
    post: (call) => worker.postMessage(call),
    async close() {
      const isClosed = new Promise<void>((resolve) => {
        closed = resolve;
      });
      worker.postMessage({ kind: 'call', id: CLOSE_ID, method: 'close', args: [] } satisfies Call);
      await isClosed;
      await worker.terminate();
    },
  };
}

/** No read's id. */
const CLOSE_ID = 0;
