/** Runs a command on a data folder: in the collector that runs on it, or in this process where none does. */
import type { Ask, CommandName } from '../domain/commands.js';
import { assertStore, StoreInUse } from '../log/file/data-dir.js';
import { LOCK_WAIT_MS, retryPause } from '../log/file/writer-lock.js';
import type { OnProgress } from '../store/port.js';
import { type Asked, askCollector } from './ask-collector.js';
import { withProgress } from './progress.js';

/**
 * Asks the collector that runs, or works alone under the writer lock, and shows the progress of either;
 * `unit` is what progress counts. Waits for another command, and for a collector that starts or ends. Throws
 * `StoreUnusable`.
 */
export async function onStore<K extends CommandName, T>(
  dataDir: string,
  ask: Ask<K>,
  unit: string,
  asked: (collector: Asked<K>, onProgress: OnProgress) => Promise<T>,
  alone: (onProgress: OnProgress) => Promise<T>,
): Promise<T> {
  assertStore(dataDir);
  return withProgress(ask.command, unit, async (onProgress) => {
    for (const end = performance.now() + LOCK_WAIT_MS; ; await retryPause()) {
      const collector = await askCollector(dataDir, ask);
      if (collector) return asked(collector, onProgress);
      const { takeStore } = await import('../store/offline/take-store.js');
      const lock = await takeStore(dataDir, 0).catch((error: Error) => {
        if (error instanceof StoreInUse && performance.now() < end) return error;
        throw error;
      });
      if (!(lock instanceof Error)) return alone(onProgress).finally(lock?.release);
    }
  });
}
