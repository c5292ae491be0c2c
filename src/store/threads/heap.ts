/** Bounds of the threads' heaps, and what is said where one was too small. */
import { getHeapStatistics } from 'node:v8';
import { StoreFailed } from '../port.js';

/** Their work is bounded, so more would mean a fault, and the process needs the rest. */
const WORK_HEAP_MB = 512;

const heapMb = (): number => Math.floor(getHeapStatistics().heap_size_limit / 1_048_576);

/** No more than the process itself may take: `--max-old-space-size` holds for threads as well. */
export const workHeap = () => ({
  maxOldGenerationSizeMb: Math.min(WORK_HEAP_MB, heapMb()),
});

/** The error of a thread that ended, in words where it was for want of memory. */
export function threadError(thread: string, error: Error): Error {
  if ((error as NodeJS.ErrnoException).code !== 'ERR_WORKER_OUT_OF_MEMORY') return error;
  return new StoreFailed(
    `the ${thread} thread ran out of memory: a heap has ${heapMb()} MiB here. Give the process more memory; ` +
      'what was acknowledged is on the disk, and the next start goes on with it',
    { cause: error },
  );
}
