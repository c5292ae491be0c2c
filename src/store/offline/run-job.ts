/** Runs work on the whole store on a thread of its own, so that the HTTP thread goes on answering. */
import { Worker } from 'node:worker_threads';
import { COPY_HEAP_MB } from '../../domain/limits.js';
import type { OnProgress, Progress } from '../port.js';
import { heapOf, threadError, workHeap } from '../threads/heap.js';
import { fromPlain } from '../threads/rpc.js';
import type { FromJob, JobData, Jobs } from './job-thread.js';

type Came<K extends keyof Jobs> = Awaited<ReturnType<Jobs[K]>>;
type Subject<K extends keyof Jobs> = Parameters<Jobs[K]> extends [unknown, unknown, ...infer S] ? S : [];

/** The thread ended amid its work: for want of memory as a rule. The collector goes on. */
class StoreJobFailed extends Error {
  override name = 'StoreJobFailed';

  constructor(job: string, cause: Error) {
    super(`${job} was given up: ${cause.message}`, { cause });
  }
}

/** Runs a job and settles with what it came to. */
export function runJob<K extends keyof Jobs>(
  job: K,
  dataDir: string,
  onProgress: OnProgress,
  ...subject: Subject<K>
): Promise<Came<K>> {
  const workerData: JobData = { dataDir, job, subject };
  const worker = new Worker(new URL('./job-thread.js', import.meta.url), {
    workerData,
    resourceLimits: job === 'copy' ? heapOf(COPY_HEAP_MB) : workHeap(),
  });
  return new Promise((resolve, reject) => {
    let came: Exclude<FromJob, { progress: Progress }> | undefined;
    worker.on('message', (message: FromJob) => {
      if ('progress' in message) onProgress(message.progress);
      else came = message;
    });
    let failure: Error | undefined;
    worker.once('error', (error) => {
      failure = new StoreJobFailed(job, threadError(job, error));
    });
    // Only then is what the thread had open closed.
    worker.once('exit', () => {
      if (failure !== undefined) reject(failure);
      else if (came === undefined) reject(new Error(`the thread of ${job} ended`));
      else if ('error' in came) reject(fromPlain(came.error));
      else resolve(came.answer as Came<K>);
    });
  });
}
