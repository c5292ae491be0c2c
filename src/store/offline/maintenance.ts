/** What a collector does with its store as a whole, on a thread of its own, so that the thread of HTTP goes on answering. */
import { rmSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { EraseReport, Erasure, Progress } from '../port.js';
import type { Reopenable } from '../reopenable.js';
import { fromPlain } from '../threads/rpc.js';
import type { CompactReport } from './compact.js';
import type { FromMaintenance, Jobs } from './maintenance-thread.js';
import { makeWorkFolder } from './work-folder.js';

type OnProgress = (progress: Progress) => void;

export interface Maintenance {
  /** These close the store while they work. */
  erase(erasure: Erasure, onProgress: OnProgress): Promise<EraseReport>;
  compact(onProgress: OnProgress): Promise<CompactReport>;
  /** Returns the newest id. */
  rebuild(onProgress: OnProgress): Promise<number>;
  /** Copies the store as it is now into a new folder within the data folder, and returns that. */
  copy(onProgress: OnProgress): Promise<string>;
}

export function openMaintenance(dataDir: string, store: Reopenable): Maintenance {
  const run = <K extends keyof Jobs>(job: K, subject: Parameters<Jobs[K]>[1], onProgress: OnProgress) =>
    new Promise<Awaited<ReturnType<Jobs[K]>>>((resolve, reject) => {
      const worker = new Worker(new URL('./maintenance-thread.js', import.meta.url), {
        workerData: { dataDir, job, subject },
      });
      worker.on('message', (message: FromMaintenance) => {
        if ('progress' in message) onProgress(message.progress);
        else if ('error' in message) reject(fromPlain(message.error));
        else resolve(message.answer as Awaited<ReturnType<Jobs[K]>>);
      });
      worker.once('error', reject);
      worker.once('exit', () => reject(new Error(`the thread of ${job} ended`)));
    });
  return {
    erase: (erasure, onProgress) => store.whileClosed(() => run('erase', erasure, onProgress)),
    compact: (onProgress) => store.whileClosed(() => run('compact', undefined, onProgress)),
    rebuild: (onProgress) => store.whileClosed(() => run('rebuild', undefined, onProgress)),
    copy: (onProgress) =>
      store.whileOpen(async () => {
        const folder = makeWorkFolder(dataDir);
        try {
          await run('copy', folder, onProgress);
          return folder;
        } catch (error) {
          rmSync(folder, { recursive: true, force: true });
          throw error;
        }
      }),
  };
}
