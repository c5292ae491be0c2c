/** Folding the whole log anew: at the next opening, or aside for a comparison. */

import type { Log } from '../log/batches/log.js';
import type { Env } from '../log/file/env.js';
import { openPasses } from './engine/folding.js';
import type { BrokenView, FoldingProgress } from './engine/lifecycle.js';
import { writeViewStates } from './engine/states.js';
import { PROJECTIONS } from './registry.js';

/** Record batches folded in one transaction: enough to coalesce well, few enough for little memory. */
const PASS_BATCHES = 8_192;

/** Marks every view as never built, so that the whole log is folded again. */
export function forgetViews(env: Env, log: Log): void {
  env.transaction(() => writeViewStates(log, {}));
}

/** Folds the whole log into another environment's views; the store stays. Returns a view that cannot. */
export function rebuildAside(
  aside: Env,
  log: Log,
  onProgress: (progress: FoldingProgress) => void,
): BrokenView | undefined {
  const end = log.counters().offset;
  const views = PROJECTIONS.map(({ name }) => name);
  const beginPass = openPasses(aside);
  for (let from = 1; from < end; ) {
    const targets = PROJECTIONS.map((projection) => ({ projection, checkpoint: from }));
    const pass = beginPass(targets);
    const next = pass.addAll(log.scan(from), PASS_BATCHES) ?? end;
    const folded = pass.finish(targets);
    for (const { view, error } of folded) if (error) return { view, error };
    aside.transaction(() => {
      for (const { stage } of folded) stage?.write();
    });
    onProgress({ views, done: next - 1, total: end - 1 });
    from = next;
  }
  return undefined;
}

/** The log of one environment and the views of another. */
export function viewsFrom(aside: Env, env: Env): Env {
  const tables = new Set(PROJECTIONS.flatMap((projection) => projection.tables));
  return { ...env, table: (name, options) => (tables.has(name) ? aside : env).table(name, options) };
}
