/**
 * The `Store` port: all the API knows of where data lives. The embedded engine implements it on LMDB; another engine
 * implements the same port and passes the same suite. Nothing above it knows which one runs.
 *
 * Every read sees each batch whose `append` had settled before the read began, and fails whole: with `ReadTimeout`
 * past `READ_MS_MAX`, never with a shortened list. `from` and `to` are inclusive Unix ms; absent means unbounded.
 * An app or user nobody has heard of is an empty answer.
 */
import type { EventBatch, StoredEvent } from '../domain/event.js';
import type { Ask, Found, QuestionName } from '../questions/index.js';

/** Unix ms, both inclusive. */
export interface TimeRange {
  from?: number;
  to?: number;
}

export interface TailPage {
  /** Events with an id greater than `after`, ascending by id. */
  events: StoredEvent[];
  /** The newest committed id. */
  head: number;
  /** The id to pass as `after` next: everything up to it has been given, or does not exist any more. */
  next: number;
  /** True when the event that should follow `after` was taken by retention, or `after` lies beyond the head. */
  gap: boolean;
}

export interface NewChunk {
  app: string;
  session: string;
  /** 1 … `CHUNK_SEQ_MAX`. */
  seq: number;
  /** Time of the chunk's first recorded event, Unix ms, when the upload named one. */
  ts?: number;
  /** Time of receipt, Unix ms; replays expire by it. */
  receivedAt: number;
  /** A gzip stream, stored byte for byte. */
  bytes: Uint8Array;
}

export interface StoredChunk {
  bytes: Uint8Array;
  /** Changes whenever the chunk's bytes were replaced; no quotes. */
  etag: string;
}

/** A user of one app, or of every app, whose every trace is to go. */
export interface Erasure {
  user: string;
  app?: string;
}

export interface EraseReport {
  events: number;
  /** Sessions the user had an event in. */
  sessions: number;
  /** Replay chunks of these sessions. */
  chunks: number;
  /** Of the data file. */
  bytesBefore: number;
  bytesAfter: number;
}

/** What the disk still has room for. */
export interface DiskWatch {
  freeBytes(): number;
  takesEvents(): boolean;
  takesReplays(): boolean;
  /** Takes replay bytes out of the app's budget of the hour; tells in how many seconds it has one again when it has not. */
  spend(app: string, bytes: number, now: number): number | undefined;
}

/** That somebody watched a session's replay. */
export interface AuditEntry {
  /** Unix ms. */
  at: number;
  role: string;
  /** What the reader called itself. */
  name: string;
  address: string;
  app: string;
  session_id: string;
}

export interface AuditTrail {
  /** Durable when it settles; a reader is given nothing before. */
  note(entry: AuditEntry): Promise<void>;
  /** Newest first. */
  list(limit: number): Promise<AuditEntry[]>;
}

export interface SweepCutoffs {
  /** Events with a lower `ts` go; a UTC midnight. */
  eventsBefore?: number;
  /** Chunks received earlier go. */
  replaysBefore?: number;
}

export interface SweepReport {
  events: number;
  chunks: number;
}

export interface StoreStats {
  head: number;
  /** Bytes of the data file. */
  file_bytes: number;
  /** Events not stored because they lay below the retention fence, since start. */
  late_events: number;
  /** Batches answered from the memory of `batch_id`s, since start. */
  deduplicated_batches: number;
  commits: number;
  committed_batches: number;
  committed_events: number;
  /** Requests waiting to be committed now. */
  queue_requests: number;
  queue_bytes: number;
  /** Seconds spent in commits (fold, write, fsync) since start. */
  commit_seconds: number;
}

/** What one batch came to: stored now, or found stored already. */
export type AppendResult = 'stored' | 'duplicate';

export interface Store {
  /** Answers a question. */
  ask<K extends QuestionName>(kind: K, ask: Ask<K>): Promise<Found<K>>;
  /** Events in order of arrival. */
  tail(after: number, limit: number): Promise<TailPage>;
  /** Durable when it settles; the same `(app, session, seq)` again replaces the chunk. */
  putChunk(chunk: NewChunk): Promise<void>;
  /** The apps in which the session has an event or a chunk, by name. */
  sessionApps(session: string): Promise<string[]>;
  chunk(app: string, session: string, seq: number): Promise<StoredChunk | undefined>;
  /**
   * Commits the fence first, then deletes; an interrupted sweep goes on at the next one, whatever its cutoffs. Expired
   * batch_ids are forgotten at each.
   */
  sweep(cutoffs: SweepCutoffs): Promise<SweepReport>;
  stats(): Promise<StoreStats>;
  /** Calls back with the new head after each durable commit; returns the way to stop. */
  onCommit(listener: (head: number) => void): () => void;
  /** Settles once, with the reason, if a commit fails: from then on nothing is accepted. */
  readonly failed: Promise<Error>;
  /** Finishes what was accepted, then closes. */
  close(): Promise<void>;
}

/** A store that takes batches itself; a collector's takes them through `Ingest`. */
export interface WritableStore extends Store {
  /**
   * Stores each batch whole or not at all, durably, folded into every view; settles per batch, in order. A rejected
   * entry is `StoreFull`, `StoreFailed`, or the error of that batch alone.
   */
  append(batches: readonly EventBatch[]): Promise<PromiseSettledResult<AppendResult>[]>;
}

/** The write queue is full: the batch was not taken. */
export class StoreFull extends Error {
  override name = 'StoreFull';
}

/** A commit failed: the store takes nothing more until it is opened again. */
export class StoreFailed extends Error {
  override name = 'StoreFailed';
}

/** The store is being rewritten and will be there again in a moment. */
export class StoreReopening extends Error {
  override name = 'StoreReopening';
}

/** A read ran past `READ_MS_MAX`. */
export class ReadTimeout extends Error {
  override name = 'ReadTimeout';
}
