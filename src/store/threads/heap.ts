/** Bounds of the heaps of threads that work on the whole store beside the collector's own. */
import { getHeapStatistics } from 'node:v8';

/** Their work is bounded, so more would mean a fault, and the process needs the rest. */
const WORK_HEAP_MB = 512;

/** No more than the process itself may take: `--max-old-space-size` holds for threads as well. */
export const workHeap = () => ({
  maxOldGenerationSizeMb: Math.min(WORK_HEAP_MB, Math.floor(getHeapStatistics().heap_size_limit / 1_048_576)),
});
