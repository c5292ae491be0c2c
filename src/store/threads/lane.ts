/**
 * A lane: a reader thread and the reads that wait for it. It starts the thread at the first read, and anew
 * when it died, so often within a time; after that every read of the lane fails.
 */

import { openFairQueue, type QueueBounds } from '../../domain/fair-queue.js';
import {
  READER_RESTARTS_MAX,
  READER_RESTARTS_MS,
  WAITING_READS_MAX,
  WAITING_READS_OF_ONE_MAX,
} from '../../domain/limits.js';
import { ReadCancelled, ReaderDied, ReadsFull, ReadTimeout } from '../port.js';
import type { Notice } from './messages.js';
import { monotonicMs, type ReadCall, SLOTS } from './read-call.js';
import { fromPlain, type Reply } from './rpc.js';

/** A running thread; `onEnd` is called once, when it has ended by itself. */
export interface ReaderThread {
  post(call: ReadCall): void;
  close(): Promise<void>;
}

export type StartReader = (
  onReply: (reply: Reply) => void,
  onEnd: (error: Error) => void,
  cancelled: Int32Array,
) => ReaderThread;

export interface LaneOptions extends Partial<QueueBounds> {
  name: string;
  start: StartReader;
  onNotice: (notice: Notice) => void;
  /** Reads the thread is given at once. */
  depth: number;
  now?: () => number;
}

export interface Read {
  method: string;
  args: unknown[];
  reader: string;
  onLeave?: ((stop: () => void) => void) | undefined;
  /** It begins once this resolves. Its rejection must be handled elsewhere too: a read may end before. */
  caughtUp?: Promise<void> | undefined;
  /** When it fails with `ReadTimeout`, ms of `monotonicMs`. */
  endsAt: number;
  /** How long the thread may work at it. */
  workMs: number;
}

interface Open extends Read {
  isSettled: boolean;
  /** Settles it once; what comes later is dropped. */
  settle(settled: { result: unknown } | { error: Error }): void;
}

export type Lane = ReturnType<typeof openLane>;

export function openLane({ name, start, onNotice, depth, now = monotonicMs, ...bounds }: LaneOptions) {
  const { max = WAITING_READS_MAX, maxOfOne = WAITING_READS_OF_ONE_MAX } = bounds;
  const waiting = openFairQueue<Open>({ max, maxOfOne });
  /** Those whose turn it is, and that wait for the tables: each had its turn in the order of arrival. */
  const starting = new Set<Open>();
  const deaths = openDeaths(name, onNotice, now);
  let isClosed = false;
  let refused = 0;

  const pump = (): void => {
    while (thread.underWay() + starting.size < depth && deaths.down() === undefined && !isClosed) {
      const next = waiting.take();
      if (next === undefined) return;
      if (next.caughtUp === undefined) thread.post(next);
      else void startOnce(next, next.caughtUp);
    }
  };
  const startOnce = async (open: Open, caughtUp: Promise<void>): Promise<void> => {
    starting.add(open);
    // One that is abandoned keeps its place: those behind it wait for as much or more.
    await caughtUp.catch((error: Error) => open.settle({ error }));
    starting.delete(open);
    if (!open.isSettled) thread.post(open);
    pump();
  };
  const fail = (error: Error, alsoWaiting: boolean): void => {
    for (const open of thread.takeAll()) open.settle({ error });
    if (!alsoWaiting) return;
    for (const open of starting) open.settle({ error });
    while (waiting.size() > 0) waiting.take()?.settle({ error });
  };
  const onEnd = (error: Error): void => {
    if (isClosed) return;
    deaths.note(error);
    fail(new ReaderDied(deaths.down() ?? error.message), deaths.down() !== undefined);
    pump();
  };
  const thread = openThread(start, pump, onEnd);
  /** Nobody waits for it any more: it need not begin, or may end early. */
  const abandon = (open: Open, error: Error): void => {
    waiting.drop(open);
    thread.cancel(open);
    open.settle({ error });
  };

  return {
    read(read: Read): Promise<unknown> {
      const down = deaths.down();
      if (down !== undefined) return Promise.reject(new ReaderDied(down));
      const { open, settled } = track(read, now, abandon);
      if (open.isSettled) return settled;
      if (waiting.add(open)) pump();
      else {
        refused++;
        open.settle({ error: new ReadsFull('too many reads wait') });
      }
      return settled;
    },
    state: () => ({ refused, waiting: waiting.size() + starting.size, ...deaths.state() }),
    async close(): Promise<void> {
      isClosed = true;
      // The thread ends after what it works at, which nobody needs any more.
      thread.cancelAll();
      fail(new ReaderDied('the store is closing'), true);
      await thread.close();
    },
  };
}

const callOf = (id: number, { method, args, endsAt, workMs }: Open): ReadCall => ({
  kind: 'call',
  ...{ id, method, args, endsAt, workMs },
});

const left = (): ReadCancelled => new ReadCancelled('whoever asked has left');

/** Settles a read once, and abandons it when its time is over or its reader leaves. */
function track(read: Read, now: () => number, abandon: (open: Open, error: Error) => void) {
  const { promise: settled, resolve, reject } = withResolvers();
  const onLate = (): void => abandon(open, new ReadTimeout('no answer in time'));
  const timer = setTimeout(onLate, Math.max(0, read.endsAt - now())).unref();
  const open: Open = {
    isSettled: false,
    settle(settled) {
      open.isSettled = true;
      clearTimeout(timer);
      if ('error' in settled) reject(settled.error);
      else resolve(settled.result);
    },
    ...read,
  };
  read.onLeave?.(() => open.isSettled || abandon(open, left()));
  return { open, settled };
}

function withResolvers() {
  let resolve: (value: unknown) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<unknown>((...settle) => {
    [resolve, reject] = settle;
  });
  return { promise, resolve, reject };
}

/** A lane's thread, started for the first read it is given; and what it works at, or has in its port, by id. */
function openThread(start: StartReader, onReply: () => void, onEnd: (error: Error) => void) {
  const reads = new Map<number, Open>();
  const cancelled = new Int32Array(new SharedArrayBuffer(SLOTS * Int32Array.BYTES_PER_ELEMENT));
  let ids = 0;
  let thread: ReaderThread | undefined;
  const takeReply = (reply: Reply): void => {
    const open = reads.get(reply.id);
    reads.delete(reply.id);
    open?.settle('error' in reply ? { error: fromPlain(reply.error) } : { result: reply.result });
    onReply();
  };
  const takeEnd = (error: Error): void => {
    thread = undefined;
    onEnd(error);
  };
  const cancel = (id: number) => Atomics.store(cancelled, id % SLOTS, id);
  return {
    underWay: () => reads.size,
    post(open: Open): void {
      thread ??= start(takeReply, takeEnd, cancelled);
      // Ids are given as reads go to the thread: those under way are close together, and so none shares a slot.
      ids = (ids % ID_MAX) + 1;
      reads.set(ids, open);
      thread.post(callOf(ids, open));
    },
    takeAll(): Open[] {
      const all = [...reads.values()];
      reads.clear();
      return all;
    },
    cancel(open: Open): void {
      for (const [id, one] of reads) if (one === open) cancel(id);
    },
    cancelAll(): void {
      for (const id of reads.keys()) cancel(id);
    },
    close: async () => thread?.close(),
  };
}

/** Counts a lane's deaths, and says when they are too many. */
function openDeaths(name: string, onNotice: (notice: Notice) => void, now: () => number) {
  const recent: number[] = [];
  let count = 0;
  let down: string | undefined;
  return {
    down: () => down,
    state: () => ({ deaths: count, down }),
    note({ message }: Error): void {
      count++;
      while (recent.length > 0 && now() - (recent[0] as number) > READER_RESTARTS_MS) recent.shift();
      recent.push(now());
      if (recent.length > READER_RESTARTS_MAX)
        down = `the thread for ${name} reads died ${recent.length} times within ten minutes`;
      const what =
        down === undefined
          ? 'started anew'
          : 'too often: its reads fail until the collector is started again';
      onNotice({ level: 'error', text: `a thread for ${name} reads died (${message}): ${what}` });
    },
  };
}

/** Ids go round, so that they stay numbers of 32 bits. */
const ID_MAX = 2 ** 30;
