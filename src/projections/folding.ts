/** Batches on their way into some views at once: each batch is read one time, and a view whose fold throws ends alone. */
import type { Env } from '../log/env.js';
import type { BatchView } from '../log/record-batch.js';
import { type Fold, type Folding, obtain } from './projection.js';
import { newStageMemory, type Stage, type StagedRows, type StageMemory } from './stage.js';

/** A view to fold batches into. */
export interface Target {
  view: string;
  fold: Fold;
  /** The environment with the view's tables under their own names. */
  tables: Env;
  /** Batches before this offset are in it already. */
  checkpoint: number;
}

/** What a view's fold came to: what to write, or why nothing. */
export interface Folded {
  view: string;
  stage?: Pick<Stage, 'write'>;
  error?: Error;
}

/** A class, since it is called for each batch and view. */
class Attempt {
  readonly #target: Target;
  readonly #stage: Stage;
  #folding: Folding | undefined;
  #error: Error | undefined;

  constructor(target: Target, memory: StageMemory) {
    this.#target = target;
    this.#stage = memory.stage(target.tables);
    this.#try(() => {
      this.#folding = target.fold.fold(this.#stage);
    });
  }

  #try(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#folding = undefined;
      this.#error = error as Error;
    }
  }

  add(batch: BatchView): void {
    if (batch.offset < this.#target.checkpoint) return;
    try {
      this.#folding?.add(batch);
    } catch (error) {
      this.#folding = undefined;
      this.#error = error as Error;
    }
  }

  finish(): Folded {
    this.#try(() => this.#folding?.finish());
    const { view } = this.#target;
    return this.#error === undefined ? { view, stage: this.#stage } : { view, error: this.#error };
  }
}

export interface FoldingOfSome {
  /** Adds batches in order of arrival, at most `limit`; returns the offset of the next event, if there were as many. */
  addAll(batches: Iterable<BatchView>, limit?: number): number | undefined;
  /** Reads rows of the views: not before what was folded last is written. */
  finish(): Folded[];
}

export interface Folder {
  /** What was folded before is written by now, or taken. */
  begin(targets: readonly Target[]): FoldingOfSome;
  /** What is staged for a view, to be written elsewhere. */
  take(view: string): StagedRows;
}

/** Uses the same memory again and again. */
export function openFolder(): Folder {
  const memories = new Map<string, StageMemory>();
  const memoryOf = (view: string): StageMemory => obtain(memories, view, newStageMemory);
  return {
    begin(targets) {
      const attempts = targets.map((target) => new Attempt(target, memoryOf(target.view)));
      return {
        addAll: (batches, limit) => addAll(attempts, batches, limit),
        finish: () => attempts.map((attempt) => attempt.finish()),
      };
    },
    take: (view) => memoryOf(view).take(),
  };
}

/** Apart from who calls it, so that it is compiled once and for all. */
function addAll(
  attempts: readonly Attempt[],
  batches: Iterable<BatchView>,
  limit = Number.POSITIVE_INFINITY,
): number | undefined {
  let count = 0;
  for (const batch of batches) {
    for (const attempt of attempts) attempt.add(batch);
    if (++count === limit) return batch.offset + batch.count;
  }
  return undefined;
}

/** Some of the log from an offset on, folded; `next` is where it goes on. */
export interface FoldedSome {
  next: number;
  views: Folded[];
}
