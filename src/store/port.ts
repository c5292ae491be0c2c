/**
 * The `Store` port: all the API knows of where data lives. The embedded engine implements it on LMDB; another engine
 * implements the same port and passes the same suite. Nothing above it knows which one runs.
 *
 * Every read sees each batch whose `append` had settled before the read began, and fails whole: with `ReadTimeout`
 * past `READ_MS_MAX`, never with a shortened list. `from` and `to` are inclusive Unix ms; absent means unbounded.
 * An app or user nobody has heard of is an empty answer.
 */
import type { EventBatch, EventType, StoredEvent } from '../domain/event.js';

export interface TimeRange {
  from?: number;
  to?: number;
}

/** A place in the newest-first order of events. */
export interface EventPosition {
  ts: number;
  id: number;
}

export interface EventsQuery extends TimeRange {
  user?: string;
  type?: EventType;
  app?: string;
  session?: string;
  limit: number;
  /** Only events strictly before this place in the listing's order, i.e. less by `(ts, id)`. */
  before?: EventPosition;
}

export interface EventsPage {
  /** Newest first by `(ts, id)`. */
  events: StoredEvent[];
  /** Set while there is more: pass it as `before`. */
  next?: EventPosition;
  /** The newest committed id; 0 in a store that never had an event. */
  head: number;
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

export interface UserRow {
  user_id: string;
  app: string;
  first_seen: number;
  last_seen: number;
  session_count: number;
  name?: string;
  email?: string;
}

export interface SessionRow {
  session_id: string;
  app: string;
  user_id: string;
  started_at: number;
  last_seen: number;
  event_count: number;
  error_count: number;
  chunk_count: number;
}

export interface CountedName {
  name: string;
  count: number;
}

export interface CountedDay {
  /** UTC `YYYY-MM-DD`. */
  day: string;
  count: number;
}

export interface Aggregates {
  dau: CountedDay[];
  top_events: CountedName[];
  top_pages: CountedName[];
  errors_by_day: CountedDay[];
}

/** Errors of one app that share their message and the top frame of their stack, within the range asked for. */
export interface ErrorGroupRow {
  /** Names the group in later queries; opaque. */
  group: string;
  app: string;
  /** The message: the events' name. */
  name: string;
  /** Where it was thrown, without the origin; absent when no event said. */
  frame?: string;
  count: number;
  user_count: number;
  first_seen: number;
  last_seen: number;
  last_event_id: number;
  /** Ascending, days without any left out. */
  by_day: CountedDay[];
}

/** The incidents before and after one, by `(ts, id)`: of an error's group, or of an app's bug reports. */
export interface Neighbours {
  /** An error's group. */
  group?: string;
  /** Event ids. */
  previous?: number;
  next?: number;
}

export interface ActivityDay {
  /** UTC `YYYY-MM-DD`. */
  day: string;
  event_count: number;
  error_count: number;
  session_count: number;
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

export interface ChunkRow {
  seq: number;
  ts?: number;
  size_bytes: number;
  received_at: number;
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

/** How much of something long is done, of how much. */
export interface Progress {
  done: number;
  total: number;
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
  /**
   * Stores each batch whole or not at all, durably, folded into every view; settles per batch, in order. A rejected
   * entry is `StoreFull`, `StoreFailed`, or the error of that batch alone.
   */
  append(batches: readonly EventBatch[]): Promise<PromiseSettledResult<AppendResult>[]>;
  events(query: EventsQuery): Promise<EventsPage>;
  event(id: number): Promise<StoredEvent | undefined>;
  /** Every event of the session in the range, ascending by `(ts, id)`. */
  sessionWindow(app: string, session: string, range: TimeRange): Promise<StoredEvent[]>;
  /** Events in order of arrival. */
  tail(after: number, limit: number): Promise<TailPage>;
  /** Latest `last_seen` first, then `user_id`, then `app`, by UTF-8 bytes. */
  users(query: { app?: string; user?: string; limit: number }): Promise<UserRow[]>;
  /** Latest `last_seen` first, then `app`, then `session_id`, by UTF-8 bytes. */
  sessions(query: { app?: string; user?: string; limit: number }): Promise<SessionRow[]>;
  /** For each step, how many users reached at least it in order. */
  funnel(query: TimeRange & { steps: readonly string[]; app?: string }): Promise<CountedName[]>;
  aggregates(query: TimeRange & { app?: string; limit: number }): Promise<Aggregates>;
  /** Names that begin with `prefix`, over all time: greatest count first, then by name's UTF-8 bytes. */
  names(query: { type?: EventType; prefix?: string; app?: string; limit: number }): Promise<CountedName[]>;
  /** Greatest count first, then latest `last_seen`, then greatest `last_event_id`; all groups or the one asked for. */
  errorGroups(query: TimeRange & { app?: string; group?: string; limit: number }): Promise<ErrorGroupRow[]>;
  /** A group's events, as `events` would page them. */
  occurrences(
    query: TimeRange & { group: string; limit: number; before?: EventPosition },
  ): Promise<EventsPage>;
  /** What comes before and after an error or bug report; undefined for an id that is not there. */
  neighbours(id: number): Promise<Neighbours | undefined>;
  /** The days on which the user has an event, ascending; of all apps together when none is given. */
  activity(query: TimeRange & { user: string; app?: string }): Promise<ActivityDay[]>;
  /** Durable when it settles; the same `(app, session, seq)` again replaces the chunk. */
  putChunk(chunk: NewChunk): Promise<void>;
  /** The apps in which the session has an event or a chunk, by name. */
  sessionApps(session: string): Promise<string[]>;
  /** Ascending by `seq`; empty for a session without chunks. */
  chunks(app: string, session: string): Promise<ChunkRow[]>;
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

/** What a read is asked with. */
export type Query<K extends keyof Store> = Store[K] extends (query: infer Q) => unknown ? Q : never;

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
