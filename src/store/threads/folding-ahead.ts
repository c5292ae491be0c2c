/**
 * Brings views up to the log with two threads: one reads the log and folds a group of batches while this one writes the
 * group before. Each takes about half of the time, and neither can go on without the other for more than a group.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Log } from '../../log/batches/log.js';
import type { Env } from '../../log/file/env.js';
import {
  type BrokenView,
  type FoldingProgress,
  openViews,
  type TargetPlace,
} from '../../projections/engine/lifecycle.js';
import { buffersOf, type StagedRows, writeRows } from '../../projections/engine/stage.js';
import { fromPlain, type PlainError } from './rpc.js';

/** Record batches folded and written at once: enough to write most rows once only, few enough to stay small in memory. */
const GROUP_BATCHES = 24_576;

/** In place of the number of messages written: no table may be read yet. */
const UNPREPARED = -1;
/** In place of the number of messages written: there will be no more. */
export const STOP = 2 ** 31 - 1;

export interface FoldAheadData {
  dataDir: string;
  places: TargetPlace[];
  groupBatches: number;
  /** How many messages are written, `UNPREPARED` or `STOP`. */
  written: Int32Array;
}

/** Some views of one group of batches. */
export interface FoldedAhead {
  next: number;
  views: { view: string; rows?: StagedRows; error?: PlainError }[];
}

/** A view's rows on their way back: their memory can be used again. */
export interface WrittenRows {
  view: string;
  rows: StagedRows;
}

/**
 * Brings every view up to the log, in the store itself: a view of another version starts over, one whose checkpoint
 * lies behind goes on from there. Can be cut off anywhere and goes on at the next call. Returns the views that cannot.
 */
export async function foldAhead(
  env: Env,
  log: Log,
  onProgress: (progress: FoldingProgress) => void,
  groupBatches = GROUP_BATCHES,
): Promise<BrokenView[]> {
  const broken: BrokenView[] = [];
  const views = openViews(env, log, { transact: env.transaction, onBroken: (view) => broken.push(view) });
  // Views of an empty log are made by emptying them.
  if (log.head() === 0) views.prepare();
  const places = views.due();
  if (places.length === 0) return broken;

  const written = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)).fill(UNPREPARED);
  const workerData: FoldAheadData = { dataDir: env.dataDir, places, groupBatches, written };
  const worker = new Worker(new URL('./fold-thread.js', import.meta.url), { name: 'fold', workerData });
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
        views: folded.map(({ view, rows, error }) => ({
          view,
          ...(rows && { stage: { write: () => writeRows(env, rows) } }),
          ...(error && { error: fromPlain(error) }),
        })),
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
  const [code] = (await once(worker, 'exit')) as [number];
  if (failure !== undefined) throw failure;
  if (views.due().length > 0) throw new Error(`the thread that folds ended too early, with ${code}`);
  return broken;
}
