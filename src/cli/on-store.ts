/** Where a command does its work: in the collector that runs on the data folder, or by itself where none does. */
import { assertStore, StoreInUse } from '../log/file/data-dir.js';
import { LOCK_WAIT_MS, retryPause } from '../log/file/writer-lock.js';
import { findCollector, type RunningCollector } from './running-collector.js';

export interface OnStore<T> {
  asked(collector: RunningCollector): Promise<T>;
  alone(): Promise<T>;
}

/**
 * Asks the collector, or works alone, with the writer lock. Who has that and takes no commands, another command or a collector
 * that starts or ends, is waited for as long as for the lock. Throws `StoreUnusable`.
 */
export async function onStore<T>(dataDir: string, { asked, alone }: OnStore<T>): Promise<T> {
  assertStore(dataDir);
  for (const end = Date.now() + LOCK_WAIT_MS; ; await retryPause()) {
    const collector = await findCollector(dataDir);
    if (collector) return asked(collector).finally(collector.close);
    const { takeStore } = await import('../store/offline/take-store.js');
    const lock = await takeStore(dataDir, 0).catch((error: Error) => {
      if (error instanceof StoreInUse && Date.now() < end) return error;
      throw error;
    });
    if (!(lock instanceof Error)) return alone().finally(lock?.release);
  }
}
