/** Rebuilding views from the log: in the store itself, or aside for a comparison. */
import type { Env } from '../log/env.js';
import type { Log } from '../log/log.js';
import { DamagedBatch } from '../log/record-batch.js';
import { PROJECTIONS, writeViewStates } from './registry.js';
import { newStageMemory, type Stage, type StageMemory } from './stage.js';
import { type BrokenView, type FoldingProgress, openViews, scanSome } from './views.js';

/** Record batches folded in one transaction: enough to coalesce well, few enough to stay small in memory. */
const GROUP_BATCHES = 8_192;

/**
 * Brings every view up to the log, in the store itself: a view of another version starts over, one whose checkpoint
 * lies behind goes on from there. Can be cut off anywhere and goes on at the next call. Returns the views that cannot.
 */
export function catchUp(env: Env, log: Log, onProgress: (progress: FoldingProgress) => void): BrokenView[] {
  const broken: BrokenView[] = [];
  const views = openViews(env, log, { transact: env.transaction, onBroken: (view) => broken.push(view) });
  for (let step = views.step(GROUP_BATCHES); step; step = views.step(GROUP_BATCHES)) onProgress(step);
  return broken;
}

/** Marks every view as never built, so that the next `catchUp` folds the whole log again. */
export function forgetViews(env: Env, log: Log): void {
  env.transaction(() => writeViewStates(log, {}));
}

/** Folds the whole log into the views of another environment, leaving the store as it is. Returns a view that cannot. */
export function rebuildAside(
  aside: Env,
  log: Log,
  onProgress: (progress: FoldingProgress) => void,
): BrokenView | undefined {
  const end = log.counters().offset;
  const views = PROJECTIONS.map(({ name }) => name);
  const memories = PROJECTIONS.map(newStageMemory);
  for (let from = 1; from < end; ) {
    let view = '';
    const stages: Stage[] = [];
    try {
      const begun = PROJECTIONS.map((projection, index) => {
        view = projection.name;
        const stage = (memories[index] as StageMemory).stage(aside);
        stages.push(stage);
        return { name: view, folding: projection.fold(stage) };
      });
      from = scanSome(log, from, GROUP_BATCHES, (batch) => {
        for (const { name, folding } of begun) {
          view = name;
          folding.add(batch);
        }
      });
      for (const { name, folding } of begun) {
        view = name;
        folding.finish();
      }
    } catch (error) {
      if (error instanceof DamagedBatch) throw error;
      return { view, error: error as Error };
    }
    aside.transaction(() => {
      for (const stage of stages) stage.write();
    });
    onProgress({ views, done: from - 1, total: end - 1 });
  }
  return undefined;
}
