/**
 * The embedded engine's write side, for the one thread that writes, and its read side, for any thread:
 * synchronous functions over one LMDB environment, of which `compose.ts` makes the `Store` port.
 */
import { APPLY_PARTS_MAX } from '../domain/limits.js';
import { type Log, META, openLog } from '../log/batches/log.js';
import { type Env, openEnv } from '../log/file/env.js';
import { u48 } from '../log/file/keys.js';
import { readUnapplied, sliceOf } from '../log/wal/apply.js';
import type { BrokenView } from '../projections/engine/lifecycle.js';
import { servingOf, servingViews } from '../projections/engine/serving.js';
import { PROJECTIONS } from '../projections/registry.js';
import { removeOrphans } from '../replay/files.js';
import { type Chunk, openManifest } from '../replay/manifest.js';
import type { Meters } from '../telemetry/meters.js';
import { openReads, type Reads } from './answers/index.js';
import type { ReadOptions } from './answers/scope.js';
import { readTail } from './answers/tail.js';
import { type ExportPage, type ExportPosition, exportPage } from './offline/export.js';
import type { OnProgress, StoreStats } from './port.js';
import { openTimeEvidence } from './retention.js';
import { openWriter, type Writer } from './writer.js';

/** Chunks dropped in one transaction of a sweep. */
const SWEEP_CHUNKS = 128;

export type { ReadLimit } from './answers/deadline.js';

export interface WriteSide extends Omit<Writer, 'stats'> {
  /** Commits a chunk's row; returns the file it replaced, to be removed. */
  putChunkRow(app: number, session: string, chunk: Chunk): string | undefined;
  /** Drops some rows of chunks received before `before`; returns their files, none when all are gone. */
  dropExpiredChunks(before: number): string[];
  timeEvidence(now: number | undefined): number | undefined;
  noteTime(time: number): void;
  stats(): Omit<StoreStats, 'queue_requests' | 'queue_bytes'>;
  head(): number;
  close(): Promise<void>;
}

export interface ReadSide extends Reads {
  exportPage(position: ExportPosition): ExportPage;
}

export interface WriteSideOptions {
  onProgress: OnProgress;
  /** Called once, with the first commit that failed. */
  onFailure: (error: Error) => void;
  /** Called for each view that cannot be folded; its reads are refused. */
  onBroken?: (broken: BrokenView) => void;
  /** `now` folds the views that lag before it returns; with `later` the caller does, by `foldViews`. */
  views?: 'now' | 'later';
  /** `apply` applies what the WAL holds before it returns; with `leave` the caller does. */
  wal?: 'apply' | 'leave';
  /** Told how many replay chunks there are. */
  meters?: Meters;
}

/** Opens the store for its one writer. Throws `StoreUnusable`. */
export function openWriteSide(
  dataDir: string,
  { onProgress, onFailure, onBroken = () => {}, views = 'now', wal = 'apply', meters }: WriteSideOptions,
): WriteSide & { env: Env; log: Log } {
  const env = openEnv(dataDir, { mode: 'write' });
  const log = openLog(env);
  const writer = openWriter(env, log, { onFailure, onBroken });
  for (let step = views === 'now' && writer.foldViews(); step; step = writer.foldViews()) onProgress(step);
  const unapplied = wal === 'apply' ? readUnapplied(dataDir, log) : [];
  while (unapplied.length > 0) applySlice(writer, log, unapplied, APPLY_PARTS_MAX);
  const manifest = openManifest(env);
  removeOrphans(dataDir, manifest);
  const noteChunks = (): void => {
    if (meters === undefined) return;
    const { chunks, bytes } = manifest.totals();
    meters.set('chunks', chunks);
    meters.set('chunk_bytes', bytes);
  };
  noteChunks();
  return {
    env,
    log,
    ...writer,
    putChunkRow(app, session, chunk) {
      let replaced: string | undefined;
      writer.transact(() => {
        replaced = manifest.put(app, session, chunk);
      });
      noteChunks();
      return replaced;
    },
    dropExpiredChunks(before) {
      let files: string[] = [];
      writer.transact(() => {
        files = manifest.dropExpired(before, SWEEP_CHUNKS);
      });
      noteChunks();
      return files;
    },
    timeEvidence: openTimeEvidence(env, log),
    noteTime: (time) => writer.transact(() => log.tables.meta.put(META.clock, u48(time))),
    stats: () => ({
      head: log.head(),
      file_bytes: env.fileBytes(),
      remembered_batches: log.tables.seen.entryCount(),
      ...writer.stats,
    }),
    head: () => log.head(),
    close: () => env.close(),
  };
}

/** Applies a slice of `groups`, or a step of the first, in one transaction, and takes those off that are applied whole. */
export function applySlice(
  writer: Pick<Writer, 'apply'>,
  log: Log,
  groups: Buffer[],
  partsMax: number,
): { parts: number; done: Buffer[] } {
  const { offset, commit } = log.counters();
  const parts = writer.apply(groups.slice(0, sliceOf(groups, offset, partsMax)), partsMax);
  return { parts, done: groups.splice(0, log.counters().commit - commit) };
}

export function readSideOf(env: Env, log: Log, options?: ReadOptions): ReadSide {
  const reads = openReads(env, log, options);
  // An export has every event whole.
  const tail = (after: number, limit: number) => readTail(log, after, limit);
  return { ...reads, exportPage: (position) => exportPage(tail, log, position) };
}

/** A read side whose views are, from each `renew` on, those that serve then. */
export function liveReadSide(env: Env, log: Log, options?: ReadOptions): { read: ReadSide; renew(): void } {
  const namesOf = () => String(servingOf(log, PROJECTIONS).map(({ name }) => name));
  let serving = '';
  let current = readSideOf(servingViews(env, log, PROJECTIONS), log, options);
  const renew = (): void => {
    env.renewSnapshot();
    // Opening a table begins a new snapshot.
    for (let now = namesOf(); now !== serving; now = namesOf()) {
      serving = now;
      current = readSideOf(servingViews(env, log, PROJECTIONS), log, options);
      env.renewSnapshot();
    }
  };
  const read = Object.fromEntries(
    Object.keys(current).map((name) => [
      name,
      (...args: unknown[]) => (current[name as keyof ReadSide] as (...args: unknown[]) => unknown)(...args),
    ]),
  ) as unknown as ReadSide;
  return { read, renew };
}

/** Opens the store's environment on a thread that only reads; a writer must have opened it before. */
export function openReadSide(
  dataDir: string,
  options?: ReadOptions,
): { read: ReadSide; renew(): void; close(): Promise<void> } {
  const env = openEnv(dataDir, { mode: 'write' });
  return { ...liveReadSide(env, openLog(env), options), close: env.close };
}
