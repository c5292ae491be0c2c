/** Starts the thread of an erasure. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { EraseReport, Erasure } from '../port.js';
import { fromPlain } from '../threads/rpc.js';
import type { EraseAnswer } from './erase-thread.js';

/** `eraseUser` on a thread of its own. */
export async function eraseOnThread(dataDir: string, erasure: Erasure): Promise<EraseReport> {
  const worker = new Worker(new URL('./erase-thread.js', import.meta.url), {
    workerData: { dataDir, erasure },
  });
  const [answer] = (await once(worker, 'message')) as [EraseAnswer];
  await worker.terminate();
  if ('error' in answer) throw fromPlain(answer.error);
  return answer.report;
}
