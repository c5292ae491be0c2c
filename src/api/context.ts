/** What the routes share: who they ask, and what they count. */
import type { Config } from '../config/config.js';
import type { Ingest } from '../ingest/types.js';
import type { AuditTrail, DiskWatch, EraseReport, Erasure, Store } from '../store/port.js';
import type { Cors } from './guards/cors.js';
import type { IngestAnswers } from './ingest-answers.js';
import type { StreamHub } from './live/stream.js';
import type { Logger } from './logger.js';
import type { Metrics } from './metrics.js';

/** Settles when nothing of the user is left, in no answer and not on the disk. */
export type Erase = (erasure: Erasure) => Promise<EraseReport>;

export interface ApiContext {
  readonly config: Config;
  readonly store: Store;
  readonly ingest: Ingest;
  readonly log: Logger;
  readonly version: string;
  readonly cors: Cors;
  readonly metrics: Metrics;
  /** Notes what the ingest routes answer. */
  readonly answers: IngestAnswers;
  readonly stream: StreamHub;
  readonly erase: Erase;
  readonly audit: AuditTrail;
  readonly disk: DiskWatch;
  /** Unix ms. */
  readonly now: () => number;
  /** Whether reads see everything; false again once the store has failed. */
  readonly isReady: () => boolean;
  /** Whether a commit has failed: from then on nothing is accepted. */
  readonly hasFailed: () => boolean;
}
