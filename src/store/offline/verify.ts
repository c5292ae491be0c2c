/**
 * The whole-store check: the log is read from end to end, every view is rebuilt aside and compared byte by byte, and
 * every chunk the manifest names must have its file.
 *
 * It is for a store that nobody writes to meanwhile: of a live one its collector makes a copy. The fold is thrown away.
 */
import { rmSync } from 'node:fs';
import { type Log, openLog } from '../../log/batches/log.js';
import { DamagedBatch } from '../../log/batches/record-batch.js';
import { type Entry, type Env, openEnv } from '../../log/file/env.js';
import { timeKey } from '../../log/file/keys.js';
import type { FoldingProgress } from '../../projections/engine/lifecycle.js';
import type { Projection } from '../../projections/engine/projection.js';
import { servingViews } from '../../projections/engine/serving.js';
import { openStage } from '../../projections/engine/stage.js';
import { readViewStates } from '../../projections/engine/states.js';
import { rebuildAside } from '../../projections/rebuild.js';
import { openViewTables, PROJECTIONS } from '../../projections/registry.js';
import { missingFiles } from '../../replay/files.js';
import { openManifest } from '../../replay/manifest.js';
import { makeWorkFolder } from './work-folder.js';

export interface VerifyReport {
  events: number;
  chunks: number;
  /** Rows of views compared. */
  rows: number;
  /** What is wrong, the first thing found; absent when the store is as it should be. */
  problem?: string;
  /** Nothing is lost or damaged: a fold or a sweep is under way, and whoever opens the store to write goes on with it. */
  isUnfinished?: true;
}

type Finding = Pick<VerifyReport, 'isUnfinished'> & { problem: string };

/** Checks the store in `dataDir`. Throws `StoreUnusable` where there is none that this release can read. */
export async function verifyStore(
  dataDir: string,
  onProgress: (progress: FoldingProgress) => void,
): Promise<VerifyReport> {
  const env = openEnv(dataDir, { mode: 'read' });
  const folder = makeWorkFolder(dataDir);
  const aside = openEnv(folder, { mode: 'scratch' });
  try {
    return verifyEnv(env, openLog(env), aside, onProgress);
  } finally {
    await aside.close();
    await env.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function verifyEnv(
  env: Env,
  log: Log,
  aside: Env,
  onProgress: (progress: FoldingProgress) => void,
): VerifyReport {
  const report: VerifyReport = { events: 0, chunks: 0, rows: 0 };
  const views = servingViews(env, log, PROJECTIONS);
  const found =
    checkLog(log, report) ??
    checkFolds(env, log) ??
    checkSweep(views, log) ??
    compareViews(views, aside, log, { report, onProgress });
  if (found && !found.isUnfinished) return { ...report, ...found };
  const lost = checkChunks(env, log, report);
  return { ...report, ...(lost ?? found) };
}

function compareViews(
  views: Env,
  aside: Env,
  log: Log,
  { report, onProgress }: { report: VerifyReport; onProgress: (progress: FoldingProgress) => void },
): Finding | undefined {
  openViewTables(aside);
  const broken = rebuildAside(aside, log, onProgress);
  if (broken)
    return { problem: `view ${broken.view} cannot be folded from the log: ${broken.error.message}` };
  for (const projection of PROJECTIONS) {
    for (const table of projection.tables) {
      const difference = compareTables(views, aside, table, report);
      if (difference) return { problem: `view ${projection.name}, table ${table}, ${difference}` };
    }
  }
  return undefined;
}

function checkChunks(env: Env, log: Log, report: VerifyReport): Finding | undefined {
  const manifest = openManifest(env);
  report.chunks = manifest.totals().chunks;
  const lost = missingFiles(env.dataDir, manifest);
  const [first] = lost;
  if (first === undefined) return undefined;
  const { app, session, seq } = manifest.chunkOfFile(first);
  const place = `app ${log.dictionaries.text('app', app)}, session ${session}, chunk ${seq}`;
  return {
    problem: `${lost.length} replay chunks have lost their files; the first is ${place}, file ${first}`,
  };
}

/** What keeps a view from being compared: a table that is gone, another version, or a fold that is not done. */
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
  if (!isSweepUnfinished(views, log)) return undefined;
  return {
    problem: 'a retention sweep is unfinished: wait for the collector to finish it, or run `spyglass sweep`',
    isUnfinished: true,
  };
}

function isSweepUnfinished(env: Env, log: Log): boolean {
  const fence = log.fence();
  for (const _ of log.tables.log.keys({ end: timeKey(fence, 0), limit: 1 })) return true;
  const stage = openStage(env);
  const drops = (projection: Projection) => {
    projection.dropDays?.(stage, fence, 1);
    return stage.size > 0;
  };
  return PROJECTIONS.some(drops);
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
