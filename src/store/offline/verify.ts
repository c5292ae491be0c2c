/**
 * Checks a store that nobody writes to: reads the log from end to end, rebuilds every view aside and compares
 * it byte by byte, and looks for the file of every chunk in the manifest. Of a live store its collector makes
 * a copy.
 */
import type { Log } from '../../log/batches/log.js';
import { DamagedBatch } from '../../log/batches/record-batch.js';
import type { Entry, Env } from '../../log/file/env.js';
import { timeKey } from '../../log/file/keys.js';
import { servingViews } from '../../projections/engine/serving.js';
import { openStage } from '../../projections/engine/stage.js';
import { readViewStates } from '../../projections/engine/states.js';
import { rebuildAside } from '../../projections/rebuild.js';
import { PROJECTIONS } from '../../projections/registry.js';
import { missingFiles } from '../../replay/files.js';
import { openManifest } from '../../replay/manifest.js';
import type { OnProgress } from '../port.js';
import { withViewsAside } from './with-store.js';

export interface VerifyReport {
  events: number;
  chunks: number;
  /** Rows of views compared. */
  rows: number;
  /** The first thing found wrong. */
  problem?: string;
  /** Nothing is lost: a fold or a sweep is under way, and the next collector continues it. */
  isUnfinished?: true;
}

type Finding = Pick<VerifyReport, 'isUnfinished'> & { problem: string };

/** Checks the store in `dataDir`. Throws `StoreUnusable` where there is none that this release can read. */
export function verifyStore(dataDir: string, onProgress: OnProgress): Promise<VerifyReport> {
  return withViewsAside(dataDir, (env, log, aside) => {
    const report: VerifyReport = { events: 0, chunks: 0, rows: 0 };
    const views = servingViews(env, log, PROJECTIONS);
    const found =
      checkLog(log, report) ??
      checkFolds(env, log) ??
      checkSweep(views, log) ??
      compareViews(views, aside, log, report, onProgress);
    if (found && !found.isUnfinished) return { ...report, ...found };
    const lost = checkChunks(env, log, report);
    return { ...report, ...(lost ?? found) };
  });
}

function compareViews(
  views: Env,
  aside: Env,
  log: Log,
  report: VerifyReport,
  onProgress: OnProgress,
): Finding | undefined {
  const broken = rebuildAside(aside, log, onProgress);
  if (broken)
    return { problem: `view ${broken.view} cannot be folded from the log: ${broken.error.message}` };
  for (const { name, tables } of PROJECTIONS) {
    for (const table of tables) {
      const difference = compareTables(views, aside, table, report);
      if (difference) return { problem: `view ${name}, table ${table}, ${difference}` };
    }
  }
  return undefined;
}

function checkChunks(env: Env, log: Log, report: VerifyReport): Finding | undefined {
  const manifest = openManifest(env);
  report.chunks = manifest.totals().chunks;
  let lost = 0;
  let first: string | undefined;
  for (const fileId of missingFiles(env.dataDir, manifest)) {
    lost++;
    first ??= fileId;
  }
  if (first === undefined) return undefined;
  const { app, session, seq } = manifest.chunkOfFile(first);
  const place = `app ${log.dictionaries.text('app', app)}, session ${session}, chunk ${seq}`;
  return {
    problem: `${lost} replay chunks have lost their files; the first is ${place}, file ${first}`,
  };
}

/** What keeps a view from being compared: a missing table, another version, or an unfinished fold. */
function checkFolds(env: Env, log: Log): Finding | undefined {
  const there = new Set(env.tableNames());
  const states = readViewStates(log);
  const head = log.head();
  for (const { name, tables, version } of PROJECTIONS) {
    const state = states[name];
    const missing = tables.find((table) => !there.has(table));
    if (state !== undefined && missing !== undefined)
      return {
        problem: `view ${name}, table ${missing}: it is gone; a collector that starts folds it again, and so does \`spyglass rebuild\``,
      };
    if (state?.version !== version)
      return {
        problem: `view ${name} was written by another release, or never: a collector that starts folds it anew, and so does \`spyglass rebuild\``,
        isUnfinished: true,
      };
    if (state.checkpoint <= head)
      return {
        problem: `view ${name} is folded up to id ${Math.max(0, state.checkpoint - 1)} of ${head}: wait for the collector to go on, or run \`spyglass rebuild\``,
        isUnfinished: true,
      };
  }
  return undefined;
}

/** Reads every batch, which checks its checksum, and compares the log's two orders by their counts. */
function checkLog(log: Log, report: VerifyReport): Finding | undefined {
  let next = 1;
  try {
    for (const batch of log.scan(1)) {
      if (batch.offset < next)
        return { problem: `log: the batch at ${batch.offset} overlaps the one before it` };
      next = batch.offset + batch.count;
      report.events += batch.count;
    }
  } catch (error) {
    if (error instanceof DamagedBatch) return { problem: `log: ${error.message}` };
    throw error;
  }
  if (next > log.counters().offset)
    return { problem: `log: ids go on to ${next - 1}, past the head ${log.head()}` };
  const batches = log.tables.log.entryCount();
  const offsets = log.tables.offsets.entryCount();
  if (batches === offsets) return undefined;
  return { problem: `log: ${batches} batches by time, but ${offsets} by offset` };
}

function checkSweep(views: Env, log: Log): Finding | undefined {
  const fence = log.fence();
  const [expired] = log.tables.log.keys({ end: timeKey(fence, 0), limit: 1 });
  const stage = openStage(views);
  for (const { dropDays } of PROJECTIONS) dropDays?.(stage, fence, 1);
  if (expired === undefined && stage.size === 0) return undefined;
  return {
    problem: 'a retention sweep is unfinished: wait for the collector to finish it, or run `spyglass sweep`',
    isUnfinished: true,
  };
}

/** The first key at which the table of the store and the rebuilt one differ, in words. */
function compareTables(env: Env, aside: Env, table: string, report: VerifyReport): string | undefined {
  const stored = env.table(table).range({})[Symbol.iterator]();
  const rebuilt = aside.table(table).range({})[Symbol.iterator]();
  for (;;) {
    const a = stored.next();
    const b = rebuilt.next();
    if (a.done && b.done) return undefined;
    const order = a.done ? 1 : b.done ? -1 : a.value.key.compare(b.value.key);
    if (order !== 0) {
      const key = (order < 0 ? a.value : b.value).key.toString('hex');
      return `key ${key}: only in the ${order < 0 ? 'store' : 'rebuild'}`;
    }
    report.rows += 1;
    const difference = compareValues(a.value, b.value);
    if (difference) return difference;
  }
}

function compareValues(stored: Entry, rebuilt: Entry): string | undefined {
  if (stored.value.equals(rebuilt.value)) return undefined;
  let at = 0;
  while (stored.value[at] === rebuilt.value[at]) at += 1;
  const excerpt = (value: Buffer) => `${value.toString('hex', at, at + 16) || 'the end'}`;
  return `key ${stored.key.toString('hex')}, byte ${at}: the store has ${excerpt(stored.value)}, a rebuild ${excerpt(rebuilt.value)}`;
}
