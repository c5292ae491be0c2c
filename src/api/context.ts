/** What the server is given, and what its routes share. */
import type { FastifyBaseLogger } from 'fastify';
import type { Config } from '../config/config.js';
import type { ClockReading } from '../domain/time-evidence.js';
import type { Ingest } from '../ingest/types.js';
import type { AuditTrail, DiskWatch, EraseReport, Erasure, Store } from '../store/port.js';
import type { Meters } from '../telemetry/meters.js';
import type { Connections } from './connections.js';
import type { ClientAddress } from './guards/client-address.js';
import type { Cors } from './guards/cors.js';
import type { Pace, Refuse } from './guards/pace.js';
import type { Readers } from './guards/readers.js';
import type { NoteAnswer } from './ingest-answers.js';
import type { Places } from './live/places.js';
import type { StreamHub } from './live/stream.js';
import type { Metrics, Reloads } from './metrics.js';
import type { Watchings } from './watchings.js';

export type Logger = Pick<FastifyBaseLogger, 'level' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'>;

export interface ServerDeps {
  config: Config;
  store: Store;
  ingest: Ingest;
  /** Gets errors, and a line for each request: at info for the API's, at debug for all others. */
  log: Logger;
  /** The collector's version. */
  version: string;
  /**
   * Erases when no other such work runs, unless `check` rejects then. Settles when nothing of the user is left in any
   * answer or on the disk.
   */
  erase: (erasure: Erasure, check: () => Promise<unknown>) => Promise<EraseReport>;
  audit: AuditTrail;
  disk: DiskWatch;
  meters: Meters;
  /** Bytes of the WAL's files. */
  walBytes: () => number;
  /** Erasures that were asked for and are not done. */
  erasuresPending: () => readonly Erasure[];
  reloads: () => Reloads;
  /** Log lines that nobody read, since the start. */
  logLinesDropped: () => number;
  /** What time it is, as far as it can be trusted. */
  clock: () => ClockReading;
  /** Whether the store's views are caught up. */
  ready: () => boolean;
  /** The folder of the built dashboard. */
  dashboardDir: string;
  /** Unix ms. */
  now: () => number;
}

export interface ApiContext extends Omit<ServerDeps, 'ready'> {
  readonly cors: Cors;
  readonly readers: Readers;
  readonly clientAddress: ClientAddress;
  readonly pace: Pace;
  readonly refuse: Refuse;
  readonly metrics: Metrics;
  readonly noteAnswer: NoteAnswer;
  readonly stream: StreamHub;
  readonly places: Places;
  readonly watchings: Watchings;
  readonly connections: Connections;
  /** Whether reads see everything; false again after a failed commit. */
  readonly isReady: () => boolean;
  /** Whether a commit has failed: nothing is accepted after that. */
  readonly hasFailed: () => boolean;
}
