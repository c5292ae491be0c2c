/** Rebuilds every view of a store from its log, in place. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openLog } from '../../log/batches/log.js';
import { DATA_FILE, StoreUnusable } from '../../log/file/data-dir.js';
import { openEnv } from '../../log/file/env.js';
import { acquireWriterLock } from '../../log/file/writer-lock.js';
import type { FoldingProgress } from '../../projections/engine/lifecycle.js';
import { forgetViews } from '../../projections/rebuild.js';
import { foldAhead } from '../threads/folding-ahead.js';

/**
 * Drops the views and folds the log into them again; returns how many ids were folded. Cut off anywhere, the next
 * start or rebuild goes on from there. Throws `StoreUnusable` where there is no store, or one that is in use.
 */
export async function rebuildStore(
  dataDir: string,
  onProgress: (progress: FoldingProgress) => void,
): Promise<number> {
  assertStore(dataDir);
  const lock = await acquireWriterLock(dataDir);
  try {
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
  } finally {
    await lock.release();
  }
}

/** Throws `StoreUnusable` where the folder holds no store: commands for a store that is there must not make one. */
export function assertStore(dataDir: string): void {
  if (!existsSync(join(dataDir, DATA_FILE))) throw new StoreUnusable(`there is no store in ${dataDir}`);
}
