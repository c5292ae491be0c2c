/** Folding the whole log anew: what makes the next opening do it, and doing it aside, for a comparison. */

import type { Log } from '../log/batches/log.js';
import type { Env } from '../log/file/env.js';
import { openFolder } from './engine/folding.js';
import type { BrokenView, FoldingProgress } from './engine/lifecycle.js';
import { PROJECTIONS, writeViewStates } from './registry.js';

/** Record batches folded in one transaction: enough to coalesce well, few enough to stay small in memory. */
const GROUP_BATCHES = 8_192;

/** Marks every view as never built, so that the whole log is folded again. */
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
  const folder = openFolder();
  for (let from = 1; from < end; ) {
    const targets = PROJECTIONS.map((fold) => ({
      view: fold.name,
      place: fold.name,
      fold,
      tables: aside,
      checkpoint: from,
    }));
    const folding = folder(targets);
    const next = folding.addAll(log.scan(from), GROUP_BATCHES) ?? end;
    const folded = folding.finish(targets);
    for (const { view, error } of folded) if (error) return { view, error };
    aside.transaction(() => {
      for (const { stage } of folded) stage?.write();
    });
    onProgress({ views, done: next - 1, total: end - 1 });
    from = next;
  }
  return undefined;
}
