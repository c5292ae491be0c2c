/** The views as reads see them: those that lack events of the log, or are of another version, refuse. */
import type { Log } from '../../log/batches/log.js';
import type { Env, Table } from '../../log/file/env.js';
import { type Projection, ViewNotReady } from './projection.js';
import { readViewStates, type ViewStates } from './states.js';

/** The views that hold every event of the log. As of the newest snapshot, where the states are not given. */
export function servingOf(
  log: Log,
  projections: readonly Projection[],
  states: ViewStates = readViewStates(log),
): Projection[] {
  const end = log.counters().offset;
  return projections.filter(({ name, version }) => {
    const state = states[name];
    return state?.version === version && state.checkpoint >= end;
  });
}

/** The environment with only the views that serve now. */
export const servingViews = (env: Env, log: Log, projections: readonly Projection[]): Env =>
  withViews(env, projections, servingOf(log, projections));

/** The environment with the views of this release's versions, whether they hold every event or not. */
export function storedViews(env: Env, log: Log, projections: readonly Projection[]): Env {
  const states = readViewStates(log);
  return withViews(
    env,
    projections,
    projections.filter(({ name, version }) => states[name]?.version === version),
  );
}

/** An environment in which every access to a table of the other views throws `ViewNotReady`. */
export function withViews(env: Env, projections: readonly Projection[], views: readonly Projection[]): Env {
  const refusing = new Map(
    projections
      .filter((projection) => !views.includes(projection))
      .flatMap(({ name, tables }) => tables.map((table) => [table, refusingTable(table, name)])),
  );
  return { ...env, table: (name, options) => refusing.get(name) ?? env.table(name, options) };
}

function refusingTable(name: string, view: string): Table {
  const refuse = (): never => {
    throw new ViewNotReady(`the view ${view} is being folded from the log`);
  };
  return new Proxy({} as Table, { get: (_table, method) => (method === 'name' ? name : refuse) });
}
