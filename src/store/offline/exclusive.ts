/** Takes a data folder for its one writer, and finishes what an earlier writer left undone. */
import { closeToOthers, prepareDataDir } from '../../log/file/data-dir.js';
import { acquireWriterLock, type WriterLock } from '../../log/file/writer-lock.js';
import type { OnProgress } from '../port.js';
import { dueErasures, pendingErasures, removeLeftovers } from './erasures.js';

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

/**
 * Carries out the erasures that were asked for, each on a thread of its own; for the holder of the lock, while nobody
 * has the store open. One that fails keeps neither a store from opening nor another from being done: it stays
 * pending, and `onPending` is told so in words.
 */
export async function finishErasures(
  dataDir: string,
  onProgress: OnProgress,
  onPending: (text: string) => void = () => {},
): Promise<void> {
  let reason = 'it failed too often to be tried at each start';
  for (const { user, app } of dueErasures(dataDir)) {
    // Loaded only when needed, to keep a start quick.
    const { runJob } = await import('./run-job.js');
    const erasure = app === undefined ? { user } : { user, app };
    await runJob('finishErasure', dataDir, onProgress, erasure).catch((error: Error) => {
      reason = error.message;
    });
  }
  const left = pendingErasures(dataDir).length;
  if (left > 0)
    onPending(
      `${left} erasures that were asked for are not done, and the users are still in the store: ${reason}. ` +
        'Ask for them again with `spyglass erase`',
    );
}
