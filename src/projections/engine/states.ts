/** How far each view has come, as the log's `meta` keeps it. */
import { type Log, META } from '../../log/batches/log.js';

export interface ViewState {
  /** The version of the fold that wrote the tables. */
  version: number;
  /** The offset the fold goes on from. */
  checkpoint: number;
}

/** By the view's name. */
export type ViewStates = Record<string, ViewState>;

/** Leaves out what cannot be read, and views in the second tables they once could have: both fold anew. */
export function readViewStates(log: Log): ViewStates {
  const value = log.tables.meta.get(META.views);
  const states: ViewStates = {};
  try {
    const stored = JSON.parse(value?.toString('utf8') ?? '{}') as Record<
      string,
      ViewState & { slot?: number }
    >;
    for (const [name, { version, checkpoint, slot }] of Object.entries(stored))
      if (!slot) states[name] = { version, checkpoint };
    return states;
  } catch {
    return {};
  }
}

/** Inside a transaction. */
export function writeViewStates(log: Log, states: ViewStates): void {
  log.tables.meta.put(META.views, Buffer.from(JSON.stringify(states)));
}

/** Inside a transaction, before the counters move to `end`: views that lacked nothing lack nothing then. */
export function markFolded(log: Log, end: number): void {
  const before = log.counters().offset;
  const states = readViewStates(log);
  for (const state of Object.values(states)) if (state.checkpoint >= before) state.checkpoint = end;
  writeViewStates(log, states);
}
