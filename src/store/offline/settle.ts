/** Sees to it that a store's tables hold all that its journal does, for those who are about to read them from outside. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openLog } from '../../log/batches/log.js';
import { StoreInUse, StoreUnusable } from '../../log/file/data-dir.js';
import { openEnv } from '../../log/file/env.js';
import { acquireWriterLock, type WriterLock } from '../../log/file/writer-lock.js';
import { newestInJournal } from '../../log/wal/journal.js';
import { openWriteSide } from '../sides.js';

const POLL_MS = 20;
/** A live collector applies what is durable several times a second. */
const WAIT_MS = 10_000;

/**
 * Settles once the tables hold every batch that was acknowledged before the call: a live collector is waited for; where
 * there is none, what a crash left in the journal is applied. Throws `StoreUnusable`.
 */
export async function settleStore(dataDir: string): Promise<void> {
  const { storeId } = await inspect(dataDir);
  const newest = newestInJournal(dataDir, storeId);
  const end = Date.now() + WAIT_MS;
  while ((await inspect(dataDir)).applied < newest) {
    if (await applyLeftovers(dataDir)) return;
    if (Date.now() > end)
      throw new StoreUnusable(`the collector on ${dataDir} has stopped storing: restart it`);
    await sleep(POLL_MS);
  }
}

/** Opened anew each time: within a process, a store open for reading cannot be opened for writing. */
async function inspect(dataDir: string): Promise<{ storeId: string; applied: number }> {
  const env = openEnv(dataDir, { mode: 'read' });
  try {
    const log = openLog(env);
    return { storeId: log.storeId, applied: log.counters().commit - 1 };
  } finally {
    await env.close();
  }
}

/** Opening the store to write applies what its journal holds; false where a collector is at it. */
async function applyLeftovers(dataDir: string): Promise<boolean> {
  const lock = await lockLeftovers(dataDir);
  if (!lock) return false;
  try {
    // Views of another release stay as they are: whoever comes may be about to compare them.
    await openWriteSide(dataDir, { onProgress: () => {}, onFailure: () => {}, views: 'later' }).close();
    return true;
  } finally {
    await lock.release();
  }
}

async function lockLeftovers(dataDir: string): Promise<WriterLock | undefined> {
  try {
    return await acquireWriterLock(dataDir, 0);
  } catch (error) {
    if (error instanceof StoreInUse) return undefined;
    throw new StoreUnusable(
      `the journal in ${dataDir} holds batches that the tables do not have yet, and they cannot be written there: ` +
        `${(error as Error).message}. Let a collector start on it, or look at a copy of the folder`,
    );
  }
}
