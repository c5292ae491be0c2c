/** What the routes share: who they ask, what they count, and the types they are written against. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Config } from '../config/config.js';
import type { Ingest } from '../ingest/types.js';
import type { AuditTrail, DiskWatch, Store } from '../store/port.js';
import type { Cors } from './guards/cors.js';
import type { IngestAnswers } from './ingest-answers.js';
import type { StreamHub } from './live/stream.js';
import type { Metrics } from './metrics.js';
import type { Erase } from './routes/erase.js';

export type Logger = Pick<FastifyBaseLogger, 'level' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'>;

/** A fastify instance whose routes get their types from zod schemas. */
export type Api = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

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
  readonly erase?: Erase;
  readonly audit: AuditTrail;
  readonly disk: DiskWatch;
  /** Unix ms. */
  readonly now: () => number;
  /** Whether reads see everything; false again once the store has failed. */
  readonly isReady: () => boolean;
  /** Whether a commit has failed: from then on nothing is accepted. */
  readonly hasFailed: () => boolean;
}
