/** Where a command does its work: in the collector that runs on the data folder, or by itself where none does. */
import type { Ask, CommandName } from '../domain/commands.js';
import { assertStore, StoreInUse } from '../log/file/data-dir.js';
import { LOCK_WAIT_MS, retryPause } from '../log/file/writer-lock.js';
import { type Asked, askCollector } from './ask-collector.js';

/**
 * Asks the collector, or works alone, with the writer lock. Who has that and takes no commands, another command or a collector
 * that starts or ends, is waited for as long as for the lock. Throws `StoreUnusable`.
 */
export async function onStore<K extends CommandName, T>(
  dataDir: string,
  ask: Ask<K>,
  asked: (collector: Asked<K>) => Promise<T>,
  alone: () => Promise<T>,
): Promise<T> {
  assertStore(dataDir);
  for (const end = Date.now() + LOCK_WAIT_MS; ; await retryPause()) {
    const collector = await askCollector(dataDir, ask);
    if (collector) return asked(collector);
    const { takeStore } = await import('../store/offline/take-store.js');
    const lock = await takeStore(dataDir, 0).catch((error: Error) => {
      if (error instanceof StoreInUse && Date.now() < end) return error;
      throw error;
    });
    if (!(lock instanceof Error)) return alone().finally(lock?.release);
  }
}
