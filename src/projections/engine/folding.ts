/** Batches on their way into some views at once: each batch is read one time, and a view whose fold throws ends alone. */

import type { BatchView } from '../../log/batches/record-batch.js';
import type { Env } from '../../log/file/env.js';
import type { Fold, Folding } from './projection.js';
import { openStage, type Stage } from './stage.js';

/** A view to fold batches into. */
export interface Target {
  view: string;
  /** Which of the view's sets of tables, by any name that is only its own. */
  place: string;
  fold: Fold;
  /** The environment with the view's tables under their own names. */
  tables: Env;
  /** Batches before this offset are in it already. */
  checkpoint: number;
}

/** What a view's fold came to: what to write, or why nothing. */
export interface Folded<Staged = Stage> {
  view: string;
  stage?: Staged;
  error?: Error;
}

/** Some of the log from an offset on, folded; `next` is where it goes on. */
export interface FoldedSome<Staged = Stage> {
  next: number;
  views: Folded<Staged>[];
}

/** A class, since it is called for each batch and view. */
class ViewFolding {
  readonly view: string;
  readonly place: string;
  readonly fold: Fold;
  readonly #stage: Stage;
  readonly #folding: Folding;
  #checkpoint = 0;
  #error: Error | undefined;

  constructor({ view, place, fold, tables }: Target) {
    this.view = view;
    this.place = place;
    this.fold = fold;
    this.#stage = openStage(tables);
    this.#folding = fold.open(this.#stage);
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
    const { view } = this;
    return this.#error === undefined ? { view, stage: this.#stage } : { view, error: this.#error };
  }
}

export interface FoldingOfSome {
  /**
   * Adds batches in order of arrival: all, or with a limit at most as many, and about `EVENTS_MAX` events; returns the offset of
   * the next event, if it stopped before the end.
   */
  addAll(batches: Iterable<BatchView>, limit?: number): number | undefined;
  /**
   * Finishes some of the views, or fails them for the reason given. Reads their rows: not before what was folded last is
   * written. A view that failed once fails for good.
   */
  finish(targets: readonly Target[], reason?: Error): Folded[];
}

/** What is folded at once is in memory until it is written: batches can be large, too. */
const EVENTS_MAX = 500_000;

/** Begins to fold batches; what was folded the time before is written by now, or taken. */
export type Folder = (targets: readonly Target[]) => FoldingOfSome;

export function openFolder(): Folder {
  /** By place. */
  const known = new Map<string, ViewFolding>();
  const foldingOf = (target: Target): ViewFolding => {
    const before = known.get(target.place);
    const folding = before?.fold === target.fold ? before : new ViewFolding(target);
    known.set(target.place, folding);
    folding.begin(target.checkpoint);
    return folding;
  };
  return (targets) => {
    const foldings = targets.map(foldingOf);
    return {
      addAll(batches, limit) {
        try {
          return addAll(foldings, batches, limit);
        } catch (error) {
          // They hold a part of what comes again when somebody tries once more.
          known.clear();
          throw error;
        }
      },
      finish: (some, reason) =>
        foldings
          .filter(({ place }) => some.some((target) => target.place === place))
          .map((folding) => folding.finish(reason)),
    };
  };
}

/** Apart from who calls it, so that it is compiled once and for all. */
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
