/** Takes a data folder for its one writer: the lock, and first of all what an earlier one was asked for and did not finish. */
import { prepareDataDir } from '../../log/file/data-dir.js';
import { acquireWriterLock, type WriterLock } from '../../log/file/writer-lock.js';
import type { FoldingProgress } from '../../projections/engine/lifecycle.js';
import { pendingErasures, removeLeftovers } from './erasures.js';

/** Throws `StoreUnusable`, with nothing touched. */
export async function takeDataDir(
  dataDir: string,
  lockWaitMs: number | undefined,
  onProgress: (progress: FoldingProgress) => void,
): Promise<WriterLock> {
  prepareDataDir(dataDir);
  const lock = await acquireWriterLock(dataDir, lockWaitMs);
  try {
    removeLeftovers(dataDir);
    // Loaded when needed: a start is quicker without.
    if (pendingErasures(dataDir).length > 0) {
      await (await import('./erase.js')).carryOutErasures(dataDir, onProgress);
    }
    return lock;
  } catch (error) {
    await lock.release();
    throw error;
  }
}
