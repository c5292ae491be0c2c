/**
 * The one writer: group commits, sweeps and rebuilds of the embedded engine, each in synchronous transactions.
 *
 * Everything is encoded and folded in memory before the first write; what cannot be encoded fails one request, and a view
 * whose fold throws serves no more. An error of the transaction itself means that the disk cannot be trusted: the writer
 * turns every later call away.
 */
import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EventBatch } from '../domain/event.js';
import type { ColumnBatch } from '../domain/event-columns.js';
import { DAY_MS, SEEN_MS } from '../domain/limits.js';
import { type Log, META } from '../log/batches/log.js';
import type { RecordBatch } from '../log/batches/record-batch.js';
import { forgetExpired } from '../log/batches/seen.js';
import type { Env } from '../log/file/env.js';
import { readU48, timeKey, u48 } from '../log/file/keys.js';
import { readGroups } from '../log/wal/apply.js';
import { beginCommit, type Commit } from '../log/wal/commit.js';
import { baseOn } from '../log/wal/pending.js';
import { type BrokenView, type FoldingProgress, openViews } from '../projections/engine/lifecycle.js';
import { openStage } from '../projections/engine/stage.js';
import { PROJECTIONS } from '../projections/registry.js';
import { type AppendResult, StoreFailed } from './port.js';

/** Work of one sweep transaction; keeps it short, so that commits wait for a few ms at most. */
const SWEEP_BATCHES = 64;
const SWEEP_ROWS = 512;
const FORGET_COMMITS = 64;
/** Folded in one transaction into views that do not serve yet, between commits. */
const FOLD_BATCHES = 512;

export interface WriterStats {
  late_events: number;
  deduplicated_batches: number;
  commits: number;
  committed_batches: number;
  committed_events: number;
  commit_seconds: number;
}

export const noStats = (): WriterStats => ({
  late_events: 0,
  deduplicated_batches: 0,
  commits: 0,
  committed_batches: 0,
  committed_events: 0,
  commit_seconds: 0,
});

export type Settled = { result: AppendResult } | { error: Error };

export interface Writer {
  readonly stats: Readonly<WriterStats>;
  /** Stores a group of requests in one durable transaction; per request what came of it, in order. */
  commit(group: readonly EventBatch[]): Settled[];
  /** Applies commit groups, which follow the log and each other, in one durable transaction. */
  apply(groups: readonly Buffer[]): void;
  /** The number of an app, given now when it never had any. */
  appNumber(app: string): number;
  /** Runs `write` in a durable transaction of its own. */
  transact(write: () => void): void;
  /** Folds some more of the log into views that do not serve yet; undefined when there is none. */
  foldViews(): FoldingProgress | undefined;
  /** Sweeps events below `before` (a UTC midnight) and expired batch_ids; returns how many events went. */
  sweepEvents(before: number, now: number): Promise<number>;
}

/** Adds requests to a commit, each on its own; what came of them, in order, and the events that were too late. */
export function addAll(
  commit: Commit,
  requests: readonly (EventBatch | ColumnBatch)[],
): { settled: Settled[]; late: number } {
  let late = 0;
  const settled = requests.map((request): Settled => {
    try {
      const added = commit.add(request);
      late += added.late;
      return { result: added.result };
    } catch (error) {
      return { error: error as Error };
    }
  });
  return { settled, late };
}

/** Counts what came of some requests. */
export function count(stats: WriterStats, settled: readonly Settled[]): void {
  for (const one of settled) {
    if ('error' in one) continue;
    if (one.result === 'stored') stats.committed_batches++;
    else stats.deduplicated_batches++;
  }
}

export interface WriterOptions {
  /** Called once, with the first error of a transaction. */
  onFailure: (error: Error) => void;
  /** Called for each view that cannot be folded any more. */
  onBroken: (broken: BrokenView) => void;
}

export function openWriter(env: Env, log: Log, { onFailure, onBroken }: WriterOptions): Writer {
  const stats = noStats();
  const base = baseOn(log);
  let failure: StoreFailed | undefined;

  const transact = (write: () => void): void => {
    if (failure) throw failure;
    try {
      env.transaction(write);
    } catch (error) {
      failure = new StoreFailed('a commit failed; nothing is accepted until a restart', { cause: error });
      onFailure(failure);
      throw failure;
    }
  };

  const views = openViews(env, log, { projections: PROJECTIONS, transact, onBroken });

  const apply = (groups: readonly Buffer[]): void => {
    const application = readGroups(log, groups);
    const folded = views.fold(application.batches(), application.nextOffset);
    transact(() => {
      application.write();
      folded.write();
    });
  };

  const commitGroup = (group: readonly EventBatch[]): Settled[] => {
    const commit = beginCommit(base);
    const { settled, late } = addAll(commit, group);
    const sealed = commit.seal();
    if (!sealed) return settled;
    apply([sealed.bytes]);
    stats.commits++;
    stats.late_events += late;
    stats.committed_events += sealed.events;
    return settled;
  };

  const oldestExpired = (fence: number): RecordBatch[] => {
    const batches: RecordBatch[] = [];
    for (const key of log.tables.log.keys({ end: timeKey(fence, 0), limit: SWEEP_BATCHES })) {
      batches.push(log.batch({ lastTs: readU48(key, 0), offset: readU48(key, 6) }));
    }
    return batches;
  };

  /** Deletes the oldest batches below the fence, with all the views know of them; returns how many events went. */
  const sweepBatches = (): number => {
    const batches = oldestExpired(log.fence());
    if (batches.length === 0) return 0;
    const serving = views.servingEnv();
    const stage = openStage(serving);
    for (const fold of views.serving()) fold.forget?.(stage, batches, log, serving);
    transact(() => {
      stage.write();
      for (const batch of batches) {
        log.tables.log.remove(timeKey(batch.lastTs, batch.offset));
        log.tables.offsets.remove(u48(batch.offset));
      }
    });
    return batches.reduce((sum, batch) => sum + batch.count, 0);
  };

  const sweepDays = (): number => {
    const stage = openStage(views.servingEnv());
    for (const fold of views.serving()) fold.dropDays?.(stage, log.fence(), SWEEP_ROWS);
    if (stage.size > 0) transact(() => stage.write());
    return stage.size;
  };

  const forgetSeen = (now: number): number => {
    const { seen, expiry } = log.tables;
    const due = [...expiry.keys({ end: timeKey(Math.max(0, now - SEEN_MS), 0), limit: 1 })];
    if (due.length === 0) return 0;
    let forgotten = 0;
    transact(() => {
      forgotten = forgetExpired({ seen, expiry }, now, FORGET_COMMITS);
    });
    return forgotten;
  };

  return {
    stats,
    transact,
    commit(group) {
      if (failure) return group.map(() => ({ error: failure as Error }));
      const start = performance.now();
      let settled: Settled[];
      try {
        settled = commitGroup(group);
      } catch (error) {
        settled = group.map(() => ({ error: error as Error }));
      }
      stats.commit_seconds += (performance.now() - start) / 1_000;
      count(stats, settled);
      return settled;
    },
    apply,
    appNumber(app) {
      if (log.dictionaries.number('app', app) === undefined) {
        const commit = beginCommit(base);
        commit.add({ app, receivedAt: 0, events: [] });
        const sealed = commit.seal();
        if (sealed) apply([sealed.bytes]);
      }
      return log.dictionaries.number('app', app) ?? 0;
    },
    foldViews: () => views.step(FOLD_BATCHES),
    async sweepEvents(before, now) {
      const fence = Math.floor(before / DAY_MS) * DAY_MS;
      if (fence > log.fence()) transact(() => log.tables.meta.put(META.fence, u48(fence)));
      // What is deleted is taken out of views that serve: none may be half-way.
      while (views.step(FOLD_BATCHES)) await nextTurn();
      let events = 0;
      for (let swept = sweepBatches(); swept > 0; swept = sweepBatches()) {
        events += swept;
        await nextTurn();
      }
      while (sweepDays() > 0) await nextTurn();
      while (forgetSeen(now) > 0) await nextTurn();
      return events;
    },
  };
}
