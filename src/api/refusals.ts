/** Tells the log that requests are turned away because the queue is full, and keeps a flood of it out. */
import { REFUSAL_LOG_MS } from '../domain/limits.js';
import type { ProblemCode } from '../domain/problems.js';
import type { Logger } from './logger.js';

/** Notes that a request was turned away. */
export type NoteRefusal = (code: ProblemCode) => void;

/**
 * Most refusals are a client's own fault. A full queue is the operator's matter, and comes thousands at a time: it is a
 * warning once every `REFUSAL_LOG_MS`, with how many there were. `now` gives Unix ms.
 */
export function createRefusalLog(log: Logger, now: () => number): NoteRefusal {
  let warnedAt = Number.NEGATIVE_INFINITY;
  let refused = 0;
  return (code) => {
    if (code !== 'queue_full') return;
    refused++;
    if (now() - warnedAt < REFUSAL_LOG_MS) return;
    log.warn({ refused }, 'the write queue is full: requests are turned away');
    warnedAt = now();
    refused = 0;
  };
}
