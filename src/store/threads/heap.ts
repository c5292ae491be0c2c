/** Bounds of the threads' heaps, and what is said where one was too small. */

import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import type { ResourceLimits } from 'node:worker_threads';
import { YOUNG_GENERATION_MB } from '../../domain/limits.js';
import { StoreFailed } from '../port.js';

/** Their work is bounded, so more would mean a fault, and the process needs the rest. */
const WORK_HEAP_MB = 512;

const heapMb = (): number => Math.floor(getHeapStatistics().heap_size_limit / 1_048_576);

/**
 * Bounds of a thread's heap: `oldMb` MiB for what lives longer, and no more than the main thread may take.
 * Node's `--max-old-space-size` would hold for each thread instead. The main thread's heap is there by now.
 */
export function heapOf(oldMb = Number.POSITIVE_INFINITY): ResourceLimits {
  setFlagsFromString('--max-old-space-size=0');
  return {
    maxOldGenerationSizeMb: Math.min(oldMb, heapMb()),
    maxYoungGenerationSizeMb: YOUNG_GENERATION_MB,
  };
}

/** For work on the whole store. */
export const workHeap = (): ResourceLimits => heapOf(WORK_HEAP_MB);

/** The error of a thread that ended, in words where it was for want of memory. */
export function threadError(thread: string, error: Error): Error {
  if ((error as NodeJS.ErrnoException).code !== 'ERR_WORKER_OUT_OF_MEMORY') return error;
  return new StoreFailed(
    `the ${thread} thread ran out of memory: the process may have a heap of ${heapMb()} MiB. Give the process more memory; ` +
      'what was acknowledged is on the disk, and the next start goes on with it',
    { cause: error },
  );
}
