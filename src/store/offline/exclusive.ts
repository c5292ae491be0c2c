/** Takes a data folder for its one writer, and brings to its end what an earlier one was asked for and did not finish. */
import { closeToOthers, prepareDataDir } from '../../log/file/data-dir.js';
import { acquireWriterLock, type WriterLock } from '../../log/file/writer-lock.js';
import type { FoldingProgress } from '../../projections/engine/lifecycle.js';
import { pendingErasures, removeLeftovers } from './erasures.js';

/** Locks a folder in which a store is, or will be. Throws `StoreUnusable`. */
export async function lockDataDir(dataDir: string): Promise<WriterLock> {
  prepareDataDir(dataDir);
  closeToOthers(dataDir);
  const lock = await acquireWriterLock(dataDir);
  removeLeftovers(dataDir);
  return lock;
}

/** Carries out the erasures that were asked for; for the holder of the lock. Throws what the disk throws. */
export async function finishErasures(
  dataDir: string,
  onProgress: (progress: FoldingProgress) => void,
): Promise<void> {
  if (pendingErasures(dataDir).length === 0) return;
  // Loaded when needed: a start is quicker without.
  await (await import('./erase.js')).carryOutErasures(dataDir, onProgress);
}
