/** Takes a data folder for its one writer, and finishes what an earlier writer left undone. */
import { closeToOthers, prepareDataDir } from '../../log/file/data-dir.js';
import { acquireWriterLock, type WriterLock } from '../../log/file/writer-lock.js';
import type { OnProgress } from '../port.js';
import { pendingErasures, removeLeftovers } from './erasures.js';

/** Locks a folder in which a store is, or will be. Throws `StoreUnusable`. */
export async function lockDataDir(dataDir: string): Promise<WriterLock> {
  prepareDataDir(dataDir);
  closeToOthers(dataDir);
  const lock = await acquireWriterLock(dataDir);
  try {
    removeLeftovers(dataDir);
  } catch (error) {
    await lock.release();
    throw error;
  }
  return lock;
}

/** Carries out the erasures that were asked for; for the holder of the lock. Throws what the disk throws. */
export async function finishErasures(dataDir: string, onProgress: OnProgress): Promise<void> {
  if (pendingErasures(dataDir).length === 0) return;
  // Loaded only when needed, to keep a start quick.
  await (await import('./erase.js')).carryOutErasures(dataDir, onProgress);
}
