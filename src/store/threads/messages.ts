/** What the HTTP thread, the ingest thread and the writer thread say to each other, besides calls. */
import type { MessagePort } from 'node:worker_threads';
import type { Config } from '../../config/config.js';
import type { Refusal } from '../../domain/problems.js';
import type { Progress } from '../port.js';
import type { PlainError, Reply } from './rpc.js';

export interface WriterData {
  dataDir: string;
  /** To the ingest thread. */
  ingest: MessagePort;
  /** Of `openMeters`. */
  meterMemory: Float64Array;
}

/** What of the configuration taking events in goes by; replaced when that is reloaded. */
export interface IngestSettings {
  apps: Config['apps'];
  limits: Config['limits'];
  /** Shared memory in which the events of the minute are counted, an app after the other. */
  windowMemory: Float64Array;
}

export interface IngestData extends IngestSettings {
  dataDir: string;
  /** Of `openMeters`. */
  meterMemory: Float64Array;
  /** To the writer thread. */
  writer: MessagePort;
}

/**
 * Raw requests of one turn of the HTTP thread: their bodies one behind the other in one transferred buffer. What belongs to
 * each is a column, since copying an object a request to the other thread would cost both more than the bodies do.
 */
export interface IngestMessage {
  kind: 'ingest';
  bytes: Uint8Array<ArrayBuffer>;
  lengths: number[];
  receivedAt: number[];
  /** Of those that have any; by index, ascending. */
  headers: [index: number, headers: { encoding?: string; origin?: string }][];
}

/** What became of the oldest `count` requests not yet answered: durable, but for the refused. */
export interface IngestedMessage {
  kind: 'ingested';
  count: number;
  refusals: [index: number, refusal: Refusal][];
  /** The newest commit that is durable. */
  commit: number;
}

/** Asks the writer to apply, now, all up to this commit. */
export interface ApplyMessage {
  kind: 'apply';
  commit: number;
}

/** Asks a thread to finish what it is at, close the store and end. */
export interface EndMessage {
  kind: 'end';
}

/** The store's tables hold every group up to this commit. */
export interface AppliedMessage {
  kind: 'applied';
  commit: number;
  /** The newest event id. */
  head: number;
}

/** What the operator should hear of, though nothing has to stop for it. */
export interface Notice {
  level: 'info' | 'warn' | 'error';
  text: string;
}

type Failed = { kind: 'failed' | 'unusable'; error: PlainError };

export type FromWriter =
  | { kind: 'ready' }
  | { kind: 'progress'; progress: Progress }
  | ({ kind: 'notice' } & Notice)
  | Failed
  | AppliedMessage
  | Reply;

export type FromIngest = { kind: 'ready' } | ({ kind: 'notice' } & Notice) | Failed | IngestedMessage | Reply;

/** From the writer thread to the ingest thread: it may open the store; it may forget what is applied. */
export type WriterToIngest = { kind: 'opened' } | AppliedMessage;

/** From the ingest thread to the writer thread: a commit group that is durable. */
export interface CommitGroupMessage {
  kind: 'group';
  bytes: Uint8Array;
}
