/** Every view, the folding of a commit into all of them, and the record of how far each has come. */
import type { Env } from '../log/env.js';
import { type Log, META } from '../log/log.js';
import type { RecordBatch } from '../log/record-batch.js';
import { days } from './days.js';
import { errorGroups } from './error-groups.js';
import { errors } from './errors.js';
import { nameHours } from './name-hours.js';
import { names } from './names.js';
import type { Projection, Stage } from './projection.js';
import { sessions } from './sessions.js';
import { streams } from './streams.js';
import { users } from './users.js';

export const PROJECTIONS: readonly Projection[] = [
  streams,
  sessions,
  users,
  days,
  errors,
  errorGroups,
  names,
  nameHours,
];

export function foldAll(stage: Stage, batches: readonly RecordBatch[]): void {
  for (const projection of PROJECTIONS) projection.fold(stage, batches);
}

/** By name: the version that wrote a view, and the offset its fold goes on from. */
export type ViewStates = Record<string, { version: number; checkpoint: number }>;

export function readViewStates(log: Log): ViewStates {
  const value = log.tables.meta.get(META.views);
  return value ? (JSON.parse(value.toString('utf8')) as ViewStates) : {};
}

/** Inside a transaction. */
export function writeViewStates(log: Log, states: ViewStates): void {
  log.tables.meta.put(META.views, Buffer.from(JSON.stringify(states)));
}

/** Inside the commit's transaction: every view has seen everything below `checkpoint`. */
export function markFolded(log: Log, checkpoint: number): void {
  const states: ViewStates = {};
  for (const { name, version } of PROJECTIONS) states[name] = { version, checkpoint };
  writeViewStates(log, states);
}

/** Makes every view's tables, so that no reader meets a missing one. */
export function openViewTables(env: Env): void {
  for (const projection of PROJECTIONS) for (const table of projection.tables) env.table(table);
}
