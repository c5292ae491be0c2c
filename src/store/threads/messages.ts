/** The messages between the HTTP thread, the ingest thread and the writer thread. */
import type { MessagePort } from 'node:worker_threads';
import type { Config } from '../../config/config.js';
import type { Answers } from '../../ingest/messages.js';
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
export type IngestSettings = Pick<Config, 'apps' | 'limits'>;

export interface IngestData extends IngestSettings {
  dataDir: string;
  /** Of `openIngestQueue`. */
  gone: Uint8Array;
  /** Of `openMeters`. */
  meterMemory: Float64Array;
  /** To the writer thread. */
  writer: MessagePort;
}

/** Requests that are answered. */
export interface IngestedMessage extends Answers {
  kind: 'ingested';
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
