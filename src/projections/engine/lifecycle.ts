/**
 * The life of the views: commits are folded into those that serve, the others are folded from the log.
 *
 * A view that is new, lost a table, or is of another version is folded anew, between commits:
 * 1. its tables are emptied, one a transaction, and its checkpoint is set to the log's beginning;
 * 2. each step is a transaction that folds some more batches and moves the checkpoint;
 * 3. the step that reaches the log's end lets it serve; until then its reads are refused.
 * A view that lags begins with 2. A crash costs one transaction: the next start continues from there.
 */
import type { Log } from '../../log/batches/log.js';
import type { BatchView } from '../../log/batches/record-batch.js';
import type { Env } from '../../log/file/env.js';
import { addFromLog, type Folded, type FoldedStep, openPasses, type Target } from './folding.js';
import type { Projection } from './projection.js';
import { servingOf, withViews } from './serving.js';
import type { Stage } from './stage.js';
import { readViewStates, type ViewStates, writeViewStates } from './states.js';

/** A fold failed on what the log holds: our bug, which must not keep the store from opening. */
export interface BrokenView {
  view: string;
  error: Error;
}

export interface FoldingProgress {
  views: readonly string[];
  /** Ids folded so far and in all. */
  done: number;
  total: number;
}

interface ViewsOptions {
  /** Every view there is. */
  projections: readonly Projection[];
  /** Runs a transaction. */
  transact: (write: () => void) => void;
  onBroken: (broken: BrokenView) => void;
}

/** The checkpoint of a view whose tables are empty; 0 means that they are not yet. */
const FIRST_CHECKPOINT = 1;

/** A view's second set of tables, which older releases made. */
const SECOND_TABLE = /\.1$/;

type ViewStatus = ReturnType<typeof openStatus>;

/** What the writer knows of the views. */
function openStatus(env: Env, log: Log, { projections, transact, onBroken }: ViewsOptions) {
  const stored = readViewStates(log);
  let states = withoutMissing(env, stored, projections);
  let serving = servingOf(log, projections, states);
  const broken = new Set<string>();

  const save = (changed: ViewStates, write: () => void): void => {
    transact(() => {
      write();
      writeViewStates(log, changed);
    });
    states = changed;
    serving = servingOf(log, projections, states);
  };
  // Before any table is made: an empty one would pass for a view of an empty log.
  if (Object.keys(states).length < Object.keys(stored).length) save(states, () => {});

  return {
    states: () => states,
    serving: () => serving,
    /** The views to fold from the log, each from where it stands. */
    due: (): Target[] =>
      projections
        .filter((projection) => !serving.includes(projection) && !broken.has(projection.name))
        .map((projection) => {
          const state = states[projection.name];
          return { projection, checkpoint: state?.version === projection.version ? state.checkpoint : 0 };
        }),
    /** Saves states and what they describe in one transaction. */
    save,
    /** The same inside a transaction that is under way, where the views that serve stay the same. */
    put(changed: ViewStates): void {
      writeViewStates(log, changed);
      states = changed;
    },
    /** Leaves a view out and drops its state: sweeps pass over it, and the next start folds it anew. */
    leaveOut({ view, error }: BrokenView): void {
      broken.add(view);
      serving = serving.filter(({ name }) => name !== view);
      onBroken({ view, error });
    },
  };
}

/** A view that lost a table counts as never folded. */
function withoutMissing(env: Env, states: ViewStates, projections: readonly Projection[]): ViewStates {
  const there = new Set(env.tableNames());
  const whole = projections.filter(({ tables }) => tables.every((table) => there.has(table)));
  const names = new Set(whole.map(({ name }) => name));
  return Object.fromEntries(Object.entries(states).filter(([view]) => names.has(view)));
}

/** Empties tables of views that begin anew, one a transaction, which sets all its pages free. */
function emptyTables(env: Env, status: ViewStatus): void {
  const fresh = status.due().filter(({ checkpoint }) => checkpoint === 0);
  if (fresh.length === 0) return;
  const statesAt = (checkpoint: number, some: readonly Target[]): ViewStates => ({
    ...status.states(),
    ...Object.fromEntries(some.map(({ projection: { name, version } }) => [name, { version, checkpoint }])),
  });
  for (const target of fresh) {
    for (const table of target.projection.tables.map((name) => env.table(name)))
      if (table.entryCount() > 0) status.save(statesAt(0, [target]), () => table.clear());
  }
  status.save(statesAt(FIRST_CHECKPOINT, fresh), () => {});
}

/** The states after some views are written up to `next`; leaves out those that failed. */
function statesAfter(status: ViewStatus, views: readonly Folded<unknown>[], next: number): ViewStates {
  const changed = { ...status.states() };
  for (const { view, error } of views) {
    const state = changed[view];
    if (error !== undefined) {
      delete changed[view];
      status.leaveOut({ view, error });
    } else if (state) changed[view] = { ...state, checkpoint: Math.max(next, state.checkpoint) };
  }
  return changed;
}

export type Views = ReturnType<typeof openViews>;

/** Opens the views for the one writer, with their tables made where they are missing. */
export function openViews(env: Env, log: Log, options: ViewsOptions) {
  const { projections, transact } = options;
  const status = openStatus(env, log, options);
  const beginPass = openPasses(env);
  for (const { tables } of projections) for (const table of tables) env.table(table);
  for (const name of env.tableNames()) {
    if (!SECOND_TABLE.test(name)) continue;
    const table = env.table(name);
    transact(() => table.drop());
  }

  /** Writes what some batches of the log, from where those views stand, were folded into. */
  const write = ({ next, views }: FoldedStep<Pick<Stage, 'write'>>): FoldingProgress => {
    const total = log.head();
    status.save(statesAfter(status, views, next), () => {
      for (const { stage } of views) stage?.write();
    });
    return { views: views.map(({ view }) => view), done: next - 1, total };
  };

  return {
    /** As reads of the write side see it: what `forget` and `dropDays` of the views in `serving` work on. */
    servingEnv: () => withViews(env, projections, status.serving()),
    serving: status.serving,
    /** Folds a commit in memory; `write` is for its transaction. A view whose fold throws serves no more. */
    fold(batches: Iterable<BatchView>, end: number) {
      const targets = status.serving().map((projection) => ({ projection, checkpoint: 0 }));
      const pass = beginPass(targets);
      pass.addAll(batches);
      const views = pass.finish(targets);
      const changed = statesAfter(status, views, end);
      return {
        write() {
          for (const { stage } of views) stage?.write();
          status.put(changed);
        },
      };
    },
    /** The views that do not serve yet. Their tables are read and written only after `prepare`. */
    due: status.due,
    /** Empties the tables of views that begin anew: all there is to do for an empty log. */
    prepare: () => emptyTables(env, status),
    write,
    /** Prepares, folds up to so many batches and writes them; undefined when no view is due. */
    step(limit: number): FoldingProgress | undefined {
      emptyTables(env, status);
      const targets = status.due();
      if (targets.length === 0) return undefined;
      const pass = beginPass(targets);
      const { next, error } = addFromLog(log, pass, targets, limit);
      return write({ next, views: pass.finish(targets, error) });
    },
  };
}
