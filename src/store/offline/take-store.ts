/** Takes a store on which no collector runs, for a command that works on it by itself. */
import { openLog } from '../../log/batches/log.js';
import { assertStore, StoreUnusable } from '../../log/file/data-dir.js';
import { openEnv } from '../../log/file/env.js';
import { acquireWriterLock, type WriterLock } from '../../log/file/writer-lock.js';
import { newestInWal } from '../../log/wal/wal.js';
import { openWriteSide } from '../sides.js';
import { removeLeftovers } from './erasures.js';

/**
 * Locks the store and sees to it that its tables hold all that its WAL does. Without a lock, which is then undefined, on
 * a file system that nobody can write to. Throws `StoreUnusable`; `StoreInUse` where somebody else has it after `waitMs`.
 */
export async function takeStore(dataDir: string, waitMs?: number): Promise<WriterLock | undefined> {
  assertStore(dataDir);
  const lock = await acquireWriterLock(dataDir, waitMs).catch((error: Error) => {
    if ((error.cause as NodeJS.ErrnoException | undefined)?.code === 'EROFS') return undefined;
    throw error;
  });
  try {
    if (lock) removeLeftovers(dataDir);
    if (await isWalAhead(dataDir)) {
      if (!lock)
        throw new StoreUnusable(
          `the journal in ${dataDir} holds batches that the tables do not have yet, and they cannot be written there: ` +
            'let a collector start on it, or look at a copy of the folder',
        );
      // Views of another release stay as they are: whoever comes may be about to compare them.
      await openWriteSide(dataDir, { onProgress: () => {}, onFailure: () => {}, views: 'later' }).close();
    }
    return lock;
  } catch (error) {
    await lock?.release();
    throw error;
  }
}

async function isWalAhead(dataDir: string): Promise<boolean> {
  const env = openEnv(dataDir, { mode: 'read' });
  try {
    const log = openLog(env);
    return newestInWal(dataDir, log.storeId) >= log.counters().commit;
  } finally {
    await env.close();
  }
}
