/**
 * The `Store` port: everything the API knows about data. Engines on LMDB and on ClickHouse implement it. A
 * read sees each batch whose `append` had settled before the read began. After `READ_MS_MAX` it fails with
 * `ReadTimeout`. An answer holds no more than `AnswerBounds`, and says where that left something out. An
 * unknown app or user gets an empty answer.
 */
import type { EventRequest, StoredEvent } from '../domain/event.js';
import type { Ask, Found, QuestionName } from '../questions/index.js';
import type { RenderContext } from '../questions/question.js';

/** Unix ms, both inclusive; absent means unbounded. */
export interface TimeRange {
  from?: number;
  to?: number;
}

export interface TailPage {
  /** Events with an id greater than `after`, ascending by id. */
  events: StoredEvent[];
  /** The newest committed id. */
  head: number;
  /** The next `after`: everything up to this id was given or no longer exists. */
  next: number;
  /** Retention removed events after `after`, or `after` is beyond the head. */
  gap: boolean;
}

export interface NewChunk {
  app: string;
  session: string;
  /** 1 … `CHUNK_SEQ_MAX`. */
  seq: number;
  /** Time of the first recorded event, Unix ms, when the upload had it. */
  ts?: number;
  /** Unix ms; replays expire by it. */
  receivedAt: number;
  /** A gzip stream, stored byte for byte. */
  bytes: Uint8Array;
}

export interface StoredChunk {
  bytes: Uint8Array;
  /** Changes whenever the chunk is replaced. Without quotes. */
  etag: string;
}

/** Everything of a user, in one app or in all. */
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
  /** When the engine will have removed the files that held it, Unix ms; undefined: they are gone. */
  goneFromDiskAt?: number;
}

export interface DiskWatch {
  freeBytes(): number;
  /** How many files can still be made. */
  freeFiles(): number;
  takesEvents(): boolean;
  takesReplays(): boolean;
  /**
   * Takes a chunk's blocks from the app's hourly replay budget, or gives the seconds until the next budget.
   * `at` is of `performance.now()`.
   */
  spend(app: string, chunkBytes: number, at?: number): number | undefined;
  /** Gives back what `spend` took for a chunk that could not be stored. */
  giveBack(app: string, chunkBytes: number): void;
}

/** Somebody watched a session's replay. */
export interface AuditEntry {
  /** Unix ms. */
  at: number;
  role: string;
  /** The user name that the reader gave. */
  name: string;
  address: string;
  app: string;
  session_id: string;
}

export interface AuditTrail {
  /** Durable when it settles. */
  note(entry: AuditEntry): Promise<void>;
  /** Newest first. */
  list(limit: number): Promise<AuditEntry[]>;
}

/** How much of something long is done, of how much. */
export interface Progress {
  done: number;
  total: number;
}

export type OnProgress = (progress: Progress) => void;

export interface SweepCutoffs {
  /** Deletes events with a lower `ts`; a UTC midnight. */
  eventsBefore?: number;
  /** Deletes chunks received earlier. */
  replaysBefore?: number;
  /**
   * The time it is, as far as it can be trusted: `batch_id`s expire by it, and a fence less than a day before
   * it is lowered, once all below is deleted. Absent: they expire by the store's clock, the fence stays.
   */
  now?: number;
}

export interface SweepReport {
  events: number;
  chunks: number;
}

export interface StoreStats {
  head: number;
  /** Bytes of the data file. */
  file_bytes: number;
  /** Events not stored since start, because they were below the retention fence. */
  late_events: number;
  /** Requests since start whose `batch_id` was stored already. */
  deduplicated_batches: number;
  /** `batch_id`s that are remembered. Of the embedded engine alone. */
  remembered_batches?: number;
  commits: number;
  committed_batches: number;
  committed_events: number;
  /** Requests that wait to be committed. */
  queue_requests: number;
  queue_bytes: number;
  /** Seconds spent in commits (fold, write, fsync) since start. */
  commit_seconds: number;
  /** How far the clock is ahead of a shared engine's; negative behind it. Absent on the embedded engine. */
  ahead_of_engine_seconds?: number;
}

/** For whom a read is. Readers take turns, and a read stops when its reader leaves (`ReadCancelled`). */
export interface ReadFor {
  /** Names whoever asks; one reader cannot fill the queue of reads. */
  reader: string;
  /** Has `stop` called when nobody waits any more, at once if so already. An `AbortSignal` takes 30 µs. */
  onLeave?: (stop: () => void) => void;
}

export interface ReadsState {
  /** Reads that wait for a thread. */
  waiting: number;
  /** Reads refused since start because too many waited. */
  refused: number;
  /** Threads that read and died since start. */
  deaths: number;
  /** Why some reads fail until the collector is started again; absent while none do. */
  down?: string;
}

export type AppendResult = 'stored' | 'duplicate';

export interface Store {
  ask<K extends QuestionName>(kind: K, ask: Ask<K>): Promise<Found<K>>;
  /**
   * The same as JSON in UTF-8. Throws `ProblemError` where the question is refused, `ReadsFull` where too
   * many wait.
   */
  answer<K extends QuestionName>(
    kind: K,
    ask: Ask<K>,
    context: RenderContext,
    whom: ReadFor,
  ): Promise<Uint8Array<ArrayBuffer>>;
  /** Events in order of arrival. */
  tail(after: number, limit: number): Promise<TailPage>;
  /** Durable when it settles. Replaces a chunk of the same `(app, session, seq)`. */
  putChunk(chunk: NewChunk): Promise<void>;
  /** The apps in which the session has an event or a chunk, by name. */
  sessionApps(session: string, whom?: ReadFor): Promise<string[]>;
  chunk(app: string, session: string, seq: number, whom?: ReadFor): Promise<StoredChunk | undefined>;
  /** Commits the fence, then deletes, expired batch_ids too. The next sweep finishes an interrupted one. */
  sweep(cutoffs: SweepCutoffs): Promise<SweepReport>;
  /**
   * The time that `noteTime` was told last, else the greatest time of receipt; `now` where nothing was ever
   * stored, undefined where nothing tells a time.
   */
  timeEvidence(now: number): Promise<number | undefined>;
  /** Keeps a time that was trusted, for the next start. */
  noteTime(time: number): Promise<void>;
  stats(): Promise<StoreStats>;
  /** How reading goes. */
  reads(): ReadsState;
  /** Calls back with the new head after each durable commit; the result unsubscribes. */
  onCommit(listener: (head: number) => void): () => void;
  /** Resolves with the reason if a commit fails: nothing is accepted after that. */
  readonly failed: Promise<Error>;
  /** Finishes accepted requests, then closes. */
  close(): Promise<void>;
}

/** A store that takes requests directly; a collector's takes them through `Ingest`. */
export interface WritableStore extends Store {
  /**
   * Stores each batch whole or not at all, durably and folded into every view. One result a batch, in order;
   * rejected with `StoreFull`, `StoreFailed` or an error of that batch.
   */
  append(batches: readonly EventRequest[]): Promise<PromiseSettledResult<AppendResult>[]>;
}

/** The write queue is full: the batch was not accepted. */
export class StoreFull extends Error {
  override name = 'StoreFull';
}

/** A commit failed: the store accepts nothing until it is opened again. */
export class StoreFailed extends Error {
  override name = 'StoreFailed';
}

/** The store is being rewritten and will reopen. */
export class StoreReopening extends Error {
  override name = 'StoreReopening';
}

/** A read ran longer than `READ_MS_MAX`. */
export class ReadTimeout extends Error {
  override name = 'ReadTimeout';
}

/** Nobody waits for the read any more. */
export class ReadCancelled extends Error {
  override name = 'ReadCancelled';
}

/** Too many reads wait already, of this reader or of all. */
export class ReadsFull extends Error {
  override name = 'ReadsFull';
}

/** The thread that ran the read died. */
export class ReaderDied extends Error {
  override name = 'ReaderDied';
}
