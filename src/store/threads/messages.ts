/** The messages between the HTTP thread, the ingest thread and the writer thread. */
import type { MessagePort } from 'node:worker_threads';
import type { Config } from '../../config/config.js';
import type { Refusal } from '../../domain/problems.js';
import type { Progress } from '../port.js';
import type { Call, PlainError, Reply } from './rpc.js';

export interface WriterData {
  dataDir: string;
  /** To the ingest thread. */
  ingest: MessagePort;
  /** Of `openMeters`. */
  meterMemory: Float64Array;
}

/** The configuration of ingest; a reload replaces it. */
export interface IngestSettings extends Pick<Config, 'apps' | 'limits'> {
  /** Shared memory that counts each app's events of the minute. */
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
 * Raw requests of one turn of the HTTP thread: their bodies one after the other in one transferred buffer.
 * The rest is in columns, since copying an object for each request would cost both threads more than the
 * bodies do.
 */
export interface IngestMessage {
  kind: 'ingest';
  bytes: Uint8Array<ArrayBuffer>;
  lengths: number[];
  receivedAt: number[];
  /** Of the requests that have any, ascending by index. */
  headers: [index: number, headers: { encoding?: string; origin?: string }][];
}

/** The oldest `count` requests not yet answered are durable, except the refused. */
export interface IngestedMessage {
  kind: 'ingested';
  count: number;
  refusals: [index: number, refusal: Refusal][];
  /** The newest commit that is durable. */
  commit: number;
}

/** Asks a thread to finish its work, close the store and end. */
export type EndMessage = { kind: 'end' };

/** `apply` asks the writer to apply everything up to a commit now. */
export type ToWriter = Call | { kind: 'apply'; commit: number } | EndMessage;

/** The store's tables hold every group up to this commit. */
export interface AppliedMessage {
  kind: 'applied';
  commit: number;
  /** The newest event id. */
  head: number;
}

/** A message for the operator's log. */
export interface Notice {
  level: 'info' | 'warn' | 'error';
  text: string;
}

type FromThread =
  | { kind: 'ready' }
  | ({ kind: 'notice' } & Notice)
  | { kind: 'failed' | 'unusable'; error: PlainError }
  | Reply;
export type FromWriter = FromThread | { kind: 'progress'; progress: Progress } | AppliedMessage;
export type FromIngest = FromThread | IngestedMessage;

/** From the writer thread to the ingest thread: it may open the store; it may forget what is applied. */
export type WriterToIngest = { kind: 'opened' } | AppliedMessage;

/** From the ingest thread to the writer thread: a commit group that is durable. */
export interface CommitGroupMessage {
  kind: 'group';
  bytes: Uint8Array;
}
