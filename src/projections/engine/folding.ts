/** Folds batches into some views at once: each is read one time, and a view whose fold throws ends alone. */

import type { Log } from '../../log/batches/log.js';
import { type BatchView, DamagedBatch } from '../../log/batches/record-batch.js';
import type { Env } from '../../log/file/env.js';
import type { Folding, Projection } from './projection.js';
import { openStage, type Stage } from './stage.js';

/** A view to fold batches into. */
export interface Target {
  projection: Projection;
  /** Batches before this offset are in it already. */
  checkpoint: number;
}

/** The result of a view's fold: what to write, or the error. */
export type Folded<Staged = Stage> = { view: string } & (
  | { stage: Staged; error?: never }
  | { error: Error; stage?: never }
);

/** Some of the log from an offset on, folded; `next` is where it goes on. */
export interface FoldedStep<Staged = Stage> {
  next: number;
  views: Folded<Staged>[];
}

/** A class, since it is called for each batch and view. */
class ViewFolding {
  readonly projection: Projection;
  readonly #stage: Stage;
  readonly #folding: Folding;
  #checkpoint = 0;
  #error: Error | undefined;

  constructor(projection: Projection, env: Env) {
    this.projection = projection;
    this.#stage = openStage(env);
    this.#folding = projection.open(this.#stage);
  }

  begin(checkpoint: number): void {
    this.#stage.clear();
    this.#checkpoint = checkpoint;
  }

  add(batch: BatchView): void {
    if (batch.offset < this.#checkpoint || this.#error !== undefined) return;
    try {
      this.#folding.add(batch);
    } catch (error) {
      this.#error = error as Error;
    }
  }

  finish(reason: Error | undefined): Folded {
    this.#error ??= reason;
    try {
      if (this.#error === undefined) this.#folding.finish();
    } catch (error) {
      this.#error = error as Error;
    }
    const view = this.projection.name;
    return this.#error === undefined ? { view, stage: this.#stage } : { view, error: this.#error };
  }
}

/** Bounds what is in memory until it is written: batches can be large. */
const EVENTS_MAX = 500_000;

/** Some batches folded into some views. */
type FoldPass = ReturnType<ReturnType<typeof openPasses>>;

/** Begins passes over an environment's tables; what the pass before staged is written or taken by then. */
export function openPasses(env: Env) {
  const opened = new Map<Projection, ViewFolding>();
  return (targets: readonly Target[]) => {
    const foldings = targets.map(({ projection, checkpoint }) => {
      const folding = opened.get(projection) ?? new ViewFolding(projection, env);
      opened.set(projection, folding);
      folding.begin(checkpoint);
      return folding;
    });
    return {
      /** Adds batches; a limit also bounds their events. Returns the offset where it stopped, if it did. */
      addAll(batches: Iterable<BatchView>, limit?: number): number | undefined {
        try {
          return addAll(foldings, batches, limit);
        } catch (error) {
          // They hold some of the batches, which a retry adds again.
          opened.clear();
          throw error;
        }
      },
      /** Finishes some views, or fails them for good. Reads rows: the last pass must be written. */
      finish: (some: readonly Target[], reason?: Error) =>
        foldings
          .filter((folding) => some.some(({ projection }) => projection === folding.projection))
          .map((folding) => folding.finish(reason)),
    };
  };
}

/** A function of its own, so that V8 compiles it once. */
function addAll(
  foldings: readonly ViewFolding[],
  batches: Iterable<BatchView>,
  limit: number | undefined,
): number | undefined {
  const eventsMax = limit === undefined ? Number.POSITIVE_INFINITY : EVENTS_MAX;
  let count = 0;
  let events = 0;
  for (const batch of batches) {
    for (const folding of foldings) folding.add(batch);
    events += batch.count;
    if (++count === limit || events >= eventsMax) return batch.offset + batch.count;
  }
  return undefined;
}

/** Adds up to so many batches of the log, from the least checkpoint on; a damaged one ends it for all. */
export function addFromLog(
  log: Log,
  pass: FoldPass,
  targets: readonly Target[],
  limit: number,
): { next: number; error?: DamagedBatch } {
  const from = Math.min(...targets.map(({ checkpoint }) => checkpoint));
  try {
    return { next: pass.addAll(log.scan(from), limit) ?? log.counters().offset };
  } catch (error) {
    if (error instanceof DamagedBatch) return { next: from, error };
    throw error;
  }
}
