/** Takes a store on which no collector runs, for a command to work on. */
import { assertStore, StoreUnusable } from '../../log/file/data-dir.js';
import { acquireWriterLock, type WriterLock } from '../../log/file/writer-lock.js';
import { newestInWal } from '../../log/wal/wal.js';
import { openWriteSide } from '../sides.js';
import { removeLeftovers } from './erasures.js';
import { withStore } from './with-store.js';

/**
 * Locks the store, and applies what its WAL still holds. On a read-only file system there is no lock: it
 * returns undefined. Throws `StoreUnusable`, and `StoreInUse` where another process still has the lock after
 * `waitMs`.
 */
export async function takeStore(dataDir: string, waitMs?: number): Promise<WriterLock | undefined> {
  assertStore(dataDir);
  const lock = await acquireWriterLock(dataDir, waitMs).catch((error: Error) => {
    if ((error.cause as NodeJS.ErrnoException | undefined)?.code === 'EROFS') return undefined;
    throw error;
  });
  try {
    if (lock) removeLeftovers(dataDir);
    const isWalAhead = await withStore(
      dataDir,
      'read',
      (_, log) => newestInWal(dataDir, log.storeId) >= log.counters().commit,
    );
    if (isWalAhead) {
      if (!lock)
        throw new StoreUnusable(
          `the WAL in ${dataDir} holds batches that the tables do not have yet, and they cannot be written there: ` +
            'let a collector start on it, or look at a copy of the folder',
        );
      // Views of another release stay as they are: the command may be about to compare them.
      await openWriteSide(dataDir, { onProgress: () => {}, onFailure: () => {}, views: 'later' }).close();
    }
    return lock;
  } catch (error) {
    await lock?.release();
    throw error;
  }
}
