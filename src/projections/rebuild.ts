/** Rebuilding views from the log: at start for those that lag or changed, aside for a comparison. */
import type { Env } from '../log/env.js';
import type { Log } from '../log/log.js';
import type { RecordBatch } from '../log/record-batch.js';
import { openStage, type Projection } from './projection.js';
import { PROJECTIONS, readViewStates, type ViewStates, writeViewStates } from './registry.js';

/** Record batches folded in one transaction: enough to coalesce well, few enough to stay small in memory. */
const GROUP_BATCHES = 2_048;

export interface RebuildProgress {
  views: readonly string[];
  /** Ids folded so far and in all. */
  done: number;
  total: number;
}

function* groups(log: Log, from: number): Generator<{ batches: RecordBatch[]; next: number }> {
  const end = log.counters().offset;
  let next = from;
  while (next < end) {
    const batches: RecordBatch[] = [];
    for (const batch of log.arrivals(next)) {
      batches.push(batch);
      if (batches.length === GROUP_BATCHES) break;
    }
    const last = batches.at(-1);
    next = last && batches.length === GROUP_BATCHES ? last.offset + last.ts.length : end;
    yield { batches, next };
  }
}

/**
 * Brings every view up to the log, in the store itself: a view of another version starts over, one whose checkpoint
 * lies behind goes on from there. Can be cut off anywhere and goes on at the next call.
 */
export function catchUp(env: Env, log: Log, onProgress: (progress: RebuildProgress) => void): void {
  const total = log.counters().offset - 1;
  const states = readViewStates(log);
  const changed = PROJECTIONS.filter(({ name, version }) => states[name]?.version !== version);
  if (changed.length > 0) startOver(env, log, states, changed);
  const checkpointOf = ({ name }: Projection): number => states[name]?.checkpoint ?? 1;
  const behind = PROJECTIONS.filter((projection) => checkpointOf(projection) <= total);
  if (behind.length === 0) return;
  const views = behind.map(({ name }) => name);
  for (const { batches, next } of groups(log, Math.min(...behind.map(checkpointOf)))) {
    const stage = openStage(env);
    for (const projection of behind) {
      projection.fold(
        stage,
        batches.filter((batch) => batch.offset >= checkpointOf(projection)),
      );
    }
    for (const { name, version } of behind) states[name] = { version, checkpoint: next };
    env.transaction(() => {
      stage.write();
      writeViewStates(log, states);
    });
    onProgress({ views, done: next - 1, total });
  }
}

function startOver(env: Env, log: Log, states: ViewStates, changed: readonly Projection[]): void {
  env.transaction(() => {
    for (const { name, version, tables } of changed) {
      for (const table of tables) env.table(table).clear();
      states[name] = { version, checkpoint: 1 };
    }
    writeViewStates(log, states);
  });
}

/** Marks every view as never built, so that the next `catchUp` folds the whole log again. */
export function forgetViews(env: Env, log: Log): void {
  env.transaction(() => writeViewStates(log, {}));
}

/** Folds the whole log into the views of another environment, leaving the store as it is. */
export function rebuildAside(aside: Env, log: Log, onProgress: (progress: RebuildProgress) => void): void {
  const total = log.counters().offset - 1;
  const views = PROJECTIONS.map(({ name }) => name);
  for (const { batches, next } of groups(log, 1)) {
    const stage = openStage(aside);
    for (const projection of PROJECTIONS) projection.fold(stage, batches);
    aside.transaction(() => stage.write());
    onProgress({ views, done: next - 1, total });
  }
}
