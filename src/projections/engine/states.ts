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

/** What cannot be read is left out, so that the view is folded anew; so is a view in the second tables that it once could have. */
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

/** Inside a transaction, before the log's counters move on to `end`: what saw all events so far lacks none up to there. */
export function markFolded(log: Log, end: number): void {
  const before = log.counters().offset;
  const states = readViewStates(log);
  for (const state of Object.values(states)) if (state.checkpoint >= before) state.checkpoint = end;
  writeViewStates(log, states);
}
