/** Brings views up to the log: a second thread reads and folds a pass while this one writes the last. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Log } from '../../log/batches/log.js';
import type { Env } from '../../log/file/env.js';
import { type BrokenView, type FoldingProgress, openViews } from '../../projections/engine/lifecycle.js';
import { buffersOf, type StagedRows, writeRows } from '../../projections/engine/stage.js';
import { PROJECTIONS } from '../../projections/registry.js';
import { threadError, workHeap } from './heap.js';
import { fromPlain, type PlainError } from './rpc.js';

/** Record batches of a pass: many, to write most rows only once; few, for a small memory. */
const PASS_BATCHES = 24_576;

/** Instead of the number of messages written: no table may be read yet. */
const UNPREPARED = -1;
/** Instead of the number of messages written: there will be no more messages. */
export const STOP = 2 ** 31 - 1;

export interface FoldAheadData {
  dataDir: string;
  /** By view: batches before this offset are in it already. */
  checkpoints: Record<string, number>;
  passBatches: number;
  /** How many messages are written, `UNPREPARED` or `STOP`. */
  written: Int32Array;
}

/** Some views of one pass. */
export interface FoldedAhead {
  next: number;
  views: ({ view: string } & ({ rows: StagedRows; error?: never } | { error: PlainError; rows?: never }))[];
}

/** A view's rows on their way back: their memory can be used again. */
export interface WrittenRows {
  view: string;
  rows: StagedRows;
}

/**
 * Brings every view up to the log, in the store itself: a view of another version starts over, others go on
 * from their checkpoints. Cut off, it goes on at the next call. Returns the views that cannot be folded.
 */
export async function foldAhead(
  env: Env,
  log: Log,
  onProgress: (progress: FoldingProgress) => void,
  passBatches = PASS_BATCHES,
): Promise<BrokenView[]> {
  const broken: BrokenView[] = [];
  const views = openViews(env, log, {
    projections: PROJECTIONS,
    transact: env.transaction,
    onBroken: (view) => broken.push(view),
  });
  // Views of an empty log are made by emptying them.
  if (log.head() === 0) views.prepare();
  const due = views.due();
  if (due.length === 0) return broken;

  const written = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)).fill(UNPREPARED);
  const checkpoints = Object.fromEntries(
    due.map(({ projection, checkpoint }) => [projection.name, checkpoint]),
  );
  const workerData: FoldAheadData = { dataDir: env.dataDir, checkpoints, passBatches, written };
  const worker = new Worker(new URL('./fold-thread.js', import.meta.url), {
    name: 'fold',
    workerData,
    resourceLimits: workHeap(),
  });
  const tell = (messages: number): void => {
    Atomics.store(written, 0, messages);
    Atomics.notify(written, 0);
  };
  let messages = 0;
  let failure: unknown;
  worker.on('message', ({ next, views: folded }: FoldedAhead) => {
    if (failure !== undefined) return;
    try {
      const progress = views.write({
        next,
        views: folded.map(({ view, rows, error }) =>
          error ? { view, error: fromPlain(error) } : { view, stage: { write: () => writeRows(env, rows) } },
        ),
      });
      for (const { view, rows } of folded)
        if (rows) worker.postMessage({ view, rows } satisfies WrittenRows, buffersOf(rows));
      onProgress(progress);
      tell(++messages);
    } catch (error) {
      failure = error;
      tell(STOP);
    }
  });
  try {
    // While the thread loads and folds the first batches.
    views.prepare();
    tell(messages);
  } catch (error) {
    failure = error;
    tell(STOP);
  }
  const [code] = (await once(worker, 'exit').catch((error: Error) => {
    throw threadError('folding', error);
  })) as [number];
  if (failure !== undefined) throw failure;
  if (views.due().length > 0) throw new Error(`the thread that folds ended too early, with ${code}`);
  return broken;
}
