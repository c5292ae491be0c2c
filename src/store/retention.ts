/**
 * A sweep first commits the fence, below which reads see nothing, then deletes the rows, some at a time. It goes by
 * the time that the store knows of, which is read here too.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DAY_MS, MAX_TS, SEEN_MS } from '../domain/limits.js';
import { type Log, META } from '../log/batches/log.js';
import type { RecordBatch } from '../log/batches/record-batch.js';
import { forgetExpired } from '../log/batches/seen.js';
import type { Env } from '../log/file/env.js';
import { readU48, timeKey, u48 } from '../log/file/keys.js';
import type { Views } from '../projections/engine/lifecycle.js';
import { openStage } from '../projections/engine/stage.js';
import { openLastReceipt } from '../replay/manifest.js';

/** Work of one transaction; keeps it short, so that commits wait for a few ms at most. */
const SWEEP_BATCHES = 64;
const SWEEP_ROWS = 512;
const FORGET_COMMITS = 64;

export interface Swept {
  log: Log;
  views: Views;
  transact(write: () => void): void;
  /** Folds some more into views that do not serve yet; undefined when there is none. */
  foldViews(): unknown;
}

/**
 * Sweeps events below `before` (a UTC midnight) and expired batch_ids; returns how many events went. A fence
 * above `fenceMax` is lowered to that.
 */
export async function sweepEvents(
  store: Swept,
  before: number,
  now: number,
  fenceMax: number,
): Promise<number> {
  const { log, transact, foldViews } = store;
  const fence = Math.floor(before / DAY_MS) * DAY_MS;
  if (fence > log.fence()) transact(() => log.tables.meta.put(META.fence, u48(fence)));
  // What is deleted is taken out of views that serve: none may be half-way.
  while (foldViews()) await nextTurn();
  let events = 0;
  for (let swept = sweepBatches(store); swept > 0; swept = sweepBatches(store)) {
    events += swept;
    await nextTurn();
  }
  while (sweepDays(store) > 0) await nextTurn();
  while (forgetSeen(store, now) > 0) await nextTurn();
  // Nothing is left below the fence, so no view holds half of anything there.
  if (log.fence() > fenceMax) transact(() => log.tables.meta.put(META.fence, u48(fenceMax)));
  return events;
}

/** Deletes the oldest batches below the fence from the log and the views; returns how many events went. */
function sweepBatches({ log, views, transact }: Swept): number {
  const batches = oldestExpired(log);
  if (batches.length === 0) return 0;
  const env = views.servingEnv();
  const stage = openStage(env);
  for (const { forget } of views.serving()) forget?.(stage, batches, log, env);
  transact(() => {
    stage.write();
    for (const { lastTs, offset } of batches) {
      log.tables.log.remove(timeKey(lastTs, offset));
      log.tables.offsets.remove(u48(offset));
    }
  });
  return batches.reduce((sum, { count }) => sum + count, 0);
}

function oldestExpired(log: Log): RecordBatch[] {
  const keys = log.tables.log.keys({ end: timeKey(log.fence(), 0), limit: SWEEP_BATCHES });
  return Array.from(keys, (key) => log.batch({ lastTs: readU48(key, 0), offset: readU48(key, 6) }));
}

/** Deletes rows of days below the fence; returns how many. */
function sweepDays({ log, views, transact }: Swept): number {
  const stage = openStage(views.servingEnv());
  for (const { dropDays } of views.serving()) dropDays?.(stage, log.fence(), SWEEP_ROWS);
  if (stage.size > 0) transact(() => stage.write());
  return stage.size;
}

/** Forgets batch_ids that are old enough; returns of how many commits. */
function forgetSeen({ log, transact }: Swept, now: number): number {
  const { seen, expiry } = log.tables;
  const due = [...expiry.keys({ end: timeKey(Math.max(0, now - SEEN_MS), 0), limit: 1 })];
  if (due.length === 0) return 0;
  let forgotten = 0;
  transact(() => {
    forgotten = forgetExpired({ seen, expiry }, now, FORGET_COMMITS);
  });
  return forgotten;
}

/** See the port's `timeEvidence`; without `now`, nobody knows yet whether something was stored. */
export function openTimeEvidence(env: Env, log: Log): (now: number | undefined) => number | undefined {
  const lastReceipt = openLastReceipt(env);
  return (now) => {
    const noted = log.tables.meta.get(META.clock);
    if (noted) return readU48(noted, 0);
    const [batchId] = log.tables.expiry.keys({ start: u48(MAX_TS), reverse: true, limit: 1 });
    const receipts = [batchId && readU48(batchId, 0), lastReceipt()].filter((at) => at !== undefined);
    if (receipts.length > 0) return Math.max(...receipts);
    return log.head() === 0 ? now : undefined;
  };
}
