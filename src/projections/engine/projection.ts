/**
 * What a view is: tables, a version, and a fold that turns record batches into rows.
 *
 * A fold stages its writes and performs none, so that a throw leaves no trace. What it writes depends on the events
 * and their order of arrival only: never on how commits were grouped, the clock, or an unordered iteration.
 */

import type { Log } from '../../log/batches/log.js';
import type { BatchView, RecordBatch } from '../../log/batches/record-batch.js';
import type { Env } from '../../log/file/env.js';
import type { Stage } from './stage.js';

/**
 * Folds batches into a view's tables, those of one commit after the other. It is opened once, since what is made anew each time
 * is also compiled anew.
 */
export interface Folding {
  /**
   * Takes the next batch in, in order of arrival; it is valid during the call only. Reads no rows: those that the last
   * `finish` staged may not be written yet.
   */
  add(batch: BatchView): void;
  /** Stages what the batches since the last call change, and forgets them. Each key is read and written at most once. */
  finish(): void;
}

/** A view's writing side. */
export interface Projection {
  readonly name: string;
  readonly tables: readonly string[];
  /** Grows whenever the bytes a fold writes change: the view is then folded anew. */
  readonly version: number;
  open(stage: Stage): Folding;
  /**
   * Stages what retention changes: rows of the batches given, all below `fence`, as a fold of what is left would have
   * them. Harmless on rows that are so already.
   */
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

/** A view is being folded and has no tables to answer from; its reads are worth asking again. */
export class ViewNotReady extends Error {
  override name = 'ViewNotReady';
}
