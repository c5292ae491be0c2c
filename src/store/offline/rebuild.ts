/** Rebuilds every view of a store from its log, in place. */
import { StoreUnusable } from '../../log/file/data-dir.js';
import { forgetViews } from '../../projections/rebuild.js';
import type { OnProgress } from '../port.js';
import { foldAhead } from '../threads/folding-ahead.js';
import { withStore } from './with-store.js';

/**
 * Drops the views and folds the log into them again; returns how many ids were folded. The caller has the
 * writer lock, and nobody has the store open. Cut off, the next start or rebuild continues it. Throws
 * `StoreUnusable`.
 */
export function rebuildStore(dataDir: string, onProgress: OnProgress): Promise<number> {
  return withStore(dataDir, 'write', async (env, log) => {
    forgetViews(env, log);
    const [broken] = await foldAhead(env, log, onProgress);
    if (!broken) return log.head();
    const reason = broken.error.message;
    throw new StoreUnusable(`view ${broken.view} cannot be folded, the others are rebuilt: ${reason}`);
  });
}
