/** Every view, and the record of how far each has come. */

import { type Log, META } from '../log/batches/log.js';
import type { Env } from '../log/file/env.js';
import { days } from './days.js';
import type { Projection } from './engine/projection.js';
import { errorGroups } from './error-groups.js';
import { errors } from './errors.js';
import { nameHours } from './name-hours.js';
import { names } from './names.js';
import { sessions } from './sessions.js';
import { streams } from './streams.js';
import { userHours } from './user-hours.js';
import { users } from './users.js';

export const PROJECTIONS: readonly Projection[] = [
  streams,
  sessions,
  users,
  days,
  userHours,
  errors,
  errorGroups,
  names,
  nameHours,
];

/** Which of its two sets of tables a view's rows are in. */
export type Slot = 0 | 1;

export interface ViewState {
  /** That wrote the tables. */
  version: number;
  /** The offset the fold goes on from. */
  checkpoint: number;
  slot?: Slot;
  /** Another version that is being folded in the other slot. */
  next?: { version: number; checkpoint: number };
}

export type ViewStates = Record<string, ViewState>;

/** The state of each view by its name; what cannot be read is nothing known, so that the view is folded anew. */
export function readViewStates(log: Log): ViewStates {
  const value = log.tables.meta.get(META.views);
  try {
    return value ? (JSON.parse(value.toString('utf8')) as ViewStates) : {};
  } catch {
    return {};
  }
}

/** Inside a transaction. */
export function writeViewStates(log: Log, states: ViewStates): void {
  log.tables.meta.put(META.views, Buffer.from(JSON.stringify(states)));
}

/** Inside a transaction, before the log's counters move on to `end`: what saw all events so far lacks none up to there. */
export function markFolded(log: Log, end: number): void {
  const before = log.counters().offset;
  const states = Object.entries(readViewStates(log)).map(([name, state]) => [
    name,
    state.checkpoint >= before ? { ...state, checkpoint: end } : state,
  ]);
  writeViewStates(log, Object.fromEntries(states) as ViewStates);
}

/** The name under which a view's table lies in a slot. */
export const tableIn = (slot: Slot, table: string): string => (slot === 0 ? table : `${table}.1`);

/** Makes every view's tables, so that no reader meets a missing one. */
export function openViewTables(env: Env): void {
  for (const projection of PROJECTIONS) for (const table of projection.tables) env.table(table);
}
