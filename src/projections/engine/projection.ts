/**
 * What a view is: tables, a version, and a fold that turns record batches into rows. A fold stages its
 * writes, so that a throw leaves no trace. They depend on the events and their order of arrival only: not on
 * commits, the clock, or unordered iteration.
 */

import type { Log } from '../../log/batches/log.js';
import type { BatchView, RecordBatch } from '../../log/batches/record-batch.js';
import type { Env } from '../../log/file/env.js';
import type { Stage } from './stage.js';

/** Folds batches into a view's tables. Opened once, since V8 compiles a new closure anew. */
export interface Folding {
  /** Takes a batch, valid during the call only. Reads no rows: the last `finish` may not be written. */
  add(batch: BatchView): void;
  /** Stages what the batches since the last call change. Each key is read and written at most once. */
  finish(): void;
}

/** A view's writing side. */
export interface Projection {
  readonly name: string;
  readonly tables: readonly string[];
  /** Grows whenever the bytes a fold writes change: the view is then folded anew. */
  readonly version: number;
  open(stage: Stage): Folding;
  /** Stages rows of batches below the fence as a fold of what is left would have them; idempotent. */
  forget?(stage: Stage, batches: readonly RecordBatch[], log: Log, env: Env): void;
  /** Stages the removal of up to about `limit` rows of days below `fence`; with nothing staged it is done. */
  dropDays?(stage: Stage, fence: number, limit: number): void;
}

/** The value under a key, made on first use: for coalescing in a fold. */
export function obtain<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

/** A view is being folded, so it cannot answer yet; a read may be retried. */
export class ViewNotReady extends Error {
  override name = 'ViewNotReady';
}
