/** What the HTTP thread and the writer thread say to each other, besides calls. */
import type { Config } from '../../config.js';
import type { Refusal } from '../../ingest/types.js';
import type { RebuildProgress } from '../../projections/rebuild.js';
import type { PlainError, Reply } from './rpc.js';

export interface WriterData {
  dataDir: string;
  apps: Config['apps'];
  limits: Config['limits'];
  /** Shared memory in which the writer counts the events of the minute, an app after the other. */
  windowMemory: Float64Array;
}

/** Raw requests of one turn of the HTTP thread: their bodies one behind the other in one transferred buffer. */
export interface IngestMessage {
  kind: 'ingest';
  bytes: Uint8Array;
  requests: {
    length: number;
    encoding: string | undefined;
    origin: string | undefined;
    receivedAt: number;
  }[];
}

/** What became of the oldest `count` requests not yet answered: stored, but for the refused. */
export interface IngestedMessage {
  kind: 'ingested';
  count: number;
  refusals: [index: number, refusal: Refusal][];
  head: number;
}

export type FromWriter =
  | { kind: 'ready'; head: number }
  | { kind: 'unusable'; error: PlainError }
  | { kind: 'progress'; progress: RebuildProgress }
  | { kind: 'failed'; error: PlainError }
  | { kind: 'committed'; head: number }
  | IngestedMessage
  | Reply;
