/** A read that the HTTP thread sends a reader thread, and how it is taken back. */
import type { Call } from './rpc.js';

export interface ReadCall extends Call {
  /** When it ends, ms of `monotonicMs`. */
  endsAt: number;
  /** How long it may work. */
  workMs: number;
}

/** A read is taken back by its id, in shared memory at `id % SLOTS`. Far more than a thread has at once. */
export const SLOTS = 64;

/** Ms of a clock that all threads share and nobody sets. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;
