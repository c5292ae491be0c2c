/** Rebuilds every view of a store from its log, in place. */
import { openLog } from '../../log/batches/log.js';
import { StoreUnusable } from '../../log/file/data-dir.js';
import { openEnv } from '../../log/file/env.js';
import type { FoldingProgress } from '../../projections/engine/lifecycle.js';
import { forgetViews } from '../../projections/rebuild.js';
import { foldAhead } from '../threads/folding-ahead.js';

/**
 * Drops the views and folds the log into them again; returns how many ids were folded. The caller has the writer lock, and
 * nobody has the store open. Cut off anywhere, the next start or rebuild goes on from there. Throws `StoreUnusable`.
 */
export async function rebuildStore(
  dataDir: string,
  onProgress: (progress: FoldingProgress) => void,
): Promise<number> {
  const env = openEnv(dataDir, { mode: 'write' });
  try {
    const log = openLog(env);
    forgetViews(env, log);
    const [broken] = await foldAhead(env, log, onProgress);
    if (broken) {
      throw new StoreUnusable(
        `view ${broken.view} cannot be folded, the others are rebuilt: ${broken.error.message}`,
      );
    }
    return log.head();
  } finally {
    await env.close();
  }
}
