/**
 * Which tables of which version of each view serve, and the folding of those that do not serve yet.
 *
 * A view has two slots of tables. As a rule one serves, and every commit is folded into it. A view that lags, is new, or
 * has another version than the store's is folded from the log in transactions of its own, beside commits:
 *   1. its tables are emptied and its checkpoint set to the log's beginning; 2. each step folds some more batches and
 *   moves the checkpoint; 3. the step that reaches the log's end lets it serve; 4. the slot it replaced is emptied.
 * A version whose predecessor can still be folded and read is made in the other slot while that one serves; otherwise the
 * view's reads are refused until 3. Each step is one transaction: a crash between any two only means that the next start
 * goes on from there.
 */

import type { Log } from '../../log/batches/log.js';
import { type BatchView, DamagedBatch } from '../../log/batches/record-batch.js';
import type { Env, Table } from '../../log/file/env.js';
import {
  PROJECTIONS,
  readViewStates,
  type Slot,
  tableIn,
  type ViewState,
  type ViewStates,
  writeViewStates,
} from '../registry.js';
import { type FoldedSome, type FoldingOfSome, openFolder, type Target } from './folding.js';
import { type Fold, type Projection, ViewNotReady } from './projection.js';
import type { Stage } from './stage.js';

/** A fold cannot take what the log holds: a bug of ours, which may not keep the store from opening. */
export interface BrokenView {
  view: string;
  error: Error;
}

/** What of a view serves and what is being made. */
interface Role {
  projection: Projection;
  serves?: { fold: Fold; slot: Slot };
  makes?: { slot: Slot; checkpoint: number };
}

/** Of a view whose tables are emptied; 0 says that they are not. */
const FIRST_CHECKPOINT = 1;

const other = (slot: Slot): Slot => (slot === 0 ? 1 : 0);

/** `end` is the offset after the log's last event. */
function roleOf(projection: Projection, state: ViewState | undefined, end: number): Role {
  const slot = state?.slot ?? 0;
  const { version, previous } = projection;
  const isCaughtUp = state !== undefined && state.checkpoint >= end;
  if (state?.version === version) {
    return isCaughtUp
      ? { projection, serves: { fold: projection, slot } }
      : { projection, makes: { slot, checkpoint: state.checkpoint } };
  }
  if (previous !== undefined && state?.version === previous.version && isCaughtUp) {
    const begun = state.next?.version === version ? state.next.checkpoint : 0;
    return {
      projection,
      serves: { fold: previous, slot },
      makes: { slot: other(slot), checkpoint: begun },
    };
  }
  return { projection, makes: { slot, checkpoint: 0 } };
}

const rolesOf = (log: Log, states: ViewStates, projections: readonly Projection[]): Role[] => {
  const end = log.counters().offset;
  return projections.map((projection) => roleOf(projection, states[projection.name], end));
};

/** A view that lost one of its tables is as one that was never folded. */
function withoutMissing(env: Env, states: ViewStates, projections: readonly Projection[]): ViewStates {
  const there = new Set(env.tableNames());
  const isWhole = ({ name, tables }: Projection) =>
    tables.every((table) => there.has(tableIn(states[name]?.slot ?? 0, table)));
  return Object.fromEntries(
    Object.entries(states).filter(([name]) =>
      projections.some((projection) => projection.name === name && isWhole(projection)),
    ),
  );
}

/** The same for as long as the same tables serve; as of the newest snapshot. */
export const servingSignature = (log: Log, projections: readonly Projection[] = PROJECTIONS): string =>
  rolesOf(log, readViewStates(log), projections)
    .map(({ serves }) => serves?.slot ?? '-')
    .join();

/** The environment as reads see it: views by their tables that serve. A view that does not throws `ViewNotReady`. */
export function servingViews(env: Env, log: Log, projections: readonly Projection[] = PROJECTIONS): Env {
  return envOf(env, slotsOf(rolesOf(log, readViewStates(log), projections)));
}

/**
 * Views by the tables that lie in the store, whether they are up to the log or not. Those whose rows this release's reads do
 * not understand throw `ViewNotReady`.
 */
export function storedViews(env: Env, log: Log, projections: readonly Projection[] = PROJECTIONS): Env {
  const states = readViewStates(log);
  const slots = projections.map((projection) => {
    const state = states[projection.name];
    const isReadable =
      state !== undefined && [projection.version, projection.previous?.version].includes(state.version);
    return { projection, slot: isReadable ? (state.slot ?? 0) : undefined };
  });
  return envOf(env, slots);
}

/** The log of one environment and the views of another. */
export function viewsFrom(aside: Env, env: Env): Env {
  const tables = new Set(PROJECTIONS.flatMap((projection) => projection.tables));
  return { ...env, table: (name, options) => (tables.has(name) ? aside : env).table(name, options) };
}

const slotsOf = (roles: readonly Role[]) =>
  roles.map(({ projection, serves }) => ({ projection, slot: serves?.slot }));

/** An environment whose views lie in the slots given; without one, every access to the view's tables throws. */
function envOf(env: Env, slots: readonly { projection: Projection; slot: Slot | undefined }[]): Env {
  const places = new Map(
    slots.flatMap(({ projection: { name, tables }, slot }) =>
      tables.map((table) => [table, { view: name, slot }] as const),
    ),
  );
  return {
    ...env,
    table(name, options) {
      const place = places.get(name);
      if (place === undefined) return env.table(name, options);
      return place.slot === undefined
        ? notReady(name, place.view)
        : env.table(tableIn(place.slot, name), options);
    },
  };
}

function notReady(name: string, view: string): Table {
  const refuse = (): never => {
    throw new ViewNotReady(`the view ${view} is being folded from the log`);
  };
  return {
    name,
    get: refuse,
    lend: refuse,
    copyInto: refuse,
    put: refuse,
    putFrom: refuse,
    remove: refuse,
    range: refuse,
    scan: refuse,
    keys: refuse,
    scanKeys: refuse,
    clear: refuse,
    entryCount: refuse,
  };
}

export interface FoldingProgress {
  views: readonly string[];
  /** Ids folded so far and in all. */
  done: number;
  total: number;
}

/** A view that is being made, as another thread can be told of it. */
export interface TargetPlace {
  view: string;
  slot: Slot;
  /** Batches before this offset are in it already. */
  checkpoint: number;
}

/** The newest version of a view, to be folded into the tables of a slot. */
export function targetAt(
  env: Env,
  { view, slot, checkpoint }: TargetPlace,
  projections: readonly Projection[] = PROJECTIONS,
): Target {
  const projection = projections.find(({ name }) => name === view);
  if (projection === undefined) throw new RangeError(`no such view: ${view}`);
  const tables = envOf(env, [{ projection, slot }]);
  return { view, place: tableIn(slot, view), fold: projection, tables, checkpoint };
}

export interface Views {
  /** As reads of the write side see it: what `forget` and `dropDays` of the views in `serving` work on. */
  servingEnv(): Env;
  /** The folds that serve. */
  serving(): readonly Fold[];
  /**
   * Folds a commit's batches into every view that serves, in memory; `write` does it, inside the commit's transaction. A
   * view whose fold throws serves no more.
   */
  fold(batches: Iterable<BatchView>, end: number): { write(): void };
  /** The views that do not serve yet. Their tables are read and written only after `prepare`. */
  due(): TargetPlace[];
  /** Empties the tables of views that are to be made from the log's beginning, which is all there is to do for an empty log. */
  prepare(): void;
  /** Writes what some batches of the log, from where those views stand, were folded into. */
  write(some: FoldedSome<Pick<Stage, 'write'>>): FoldingProgress;
  /** Both, here and now, for up to so many batches; undefined when no view is due. */
  step(batches: number): FoldingProgress | undefined;
}

export interface ViewsOptions {
  /** Runs a transaction. */
  transact: (write: () => void) => void;
  onBroken: (broken: BrokenView) => void;
  projections?: readonly Projection[];
}

/** Opens the views for the one writer, with their tables made where they are missing. */
export function openViews(
  env: Env,
  log: Log,
  { transact, onBroken, projections = PROJECTIONS }: ViewsOptions,
): Views {
  let states = readViewStates(log);
  let roles = rolesOf(log, states, projections);
  const folder = openFolder();
  const broken = new Set<string>();

  const settle = (changed: ViewStates, write: () => void): void => {
    transact(() => {
      write();
      writeViewStates(log, changed);
    });
    states = changed;
    roles = rolesOf(log, states, projections);
  };

  const setAside = (view: string, error: unknown): void => {
    broken.add(view);
    onBroken({ view, error: error as Error });
  };

  const making = () => roles.filter(({ projection, makes }) => makes && !broken.has(projection.name));

  const prepare = (): void => {
    const fresh = making().filter(({ makes }) => makes?.checkpoint === 0);
    if (fresh.length === 0) return;
    const changed = { ...states };
    for (const { projection, serves, makes } of fresh) {
      const { name, version } = projection;
      const state = states[name];
      changed[name] =
        serves && state
          ? { ...state, next: { version, checkpoint: FIRST_CHECKPOINT } }
          : { version, checkpoint: FIRST_CHECKPOINT, slot: makes?.slot ?? 0 };
    }
    settle(changed, () => {
      for (const { projection, makes } of fresh)
        for (const table of projection.tables) env.table(tableIn(makes?.slot ?? 0, table)).clear();
    });
  };

  const clearUnused = (): void => {
    const there = new Set(env.tableNames());
    const unused = roles.flatMap(({ projection, serves, makes }) =>
      ([0, 1] as const)
        .filter((slot) => slot !== serves?.slot && slot !== makes?.slot)
        .flatMap((slot) => projection.tables.map((table) => tableIn(slot, table))),
    );
    const full = unused.filter((name) => there.has(name) && env.table(name).entryCount() > 0);
    if (full.length === 0) return;
    transact(() => {
      for (const name of full) env.table(name).clear();
    });
  };

  const due = (): TargetPlace[] =>
    making().map(({ projection, makes }) => ({
      view: projection.name,
      slot: makes?.slot ?? 0,
      checkpoint: Math.max(makes?.checkpoint ?? 0, FIRST_CHECKPOINT),
    }));

  const write = ({ next, views }: FoldedSome<Pick<Stage, 'write'>>): FoldingProgress => {
    const end = log.counters().offset;
    const changed = { ...states };
    const stages: Pick<Stage, 'write'>[] = [];
    for (const { view, stage, error } of views) {
      const role = roles.find(({ projection }) => projection.name === view);
      const state = states[view];
      if (stage === undefined || role?.makes === undefined) {
        setAside(view, error);
        // Begun anew by the next start: sweeps pass over what is left of it here.
        const { next: _, ...served } = state ?? { version: 0, checkpoint: 0 };
        if (role?.serves) changed[view] = served;
        else delete changed[view];
        continue;
      }
      stages.push(stage);
      const { slot, checkpoint } = role.makes;
      const made = { version: role.projection.version, checkpoint: Math.max(next, checkpoint) };
      changed[view] = role.serves && state && next < end ? { ...state, next: made } : { ...made, slot };
    }
    settle(changed, () => {
      for (const stage of stages) stage.write();
    });
    if (making().length === 0) clearUnused();
    return { views: views.map(({ view }) => view), done: next - 1, total: end - 1 };
  };

  // Before any table is made: an empty one would pass for a view of an empty log.
  const whole = withoutMissing(env, states, projections);
  if (Object.keys(whole).length < Object.keys(states).length) settle(whole, () => {});
  for (const { projection, serves, makes } of roles) {
    for (const slot of [serves?.slot, makes?.slot])
      if (slot !== undefined) for (const table of projection.tables) env.table(tableIn(slot, table));
  }
  if (making().length === 0) clearUnused();

  return {
    servingEnv: () => envOf(env, slotsOf(roles)),
    serving: () =>
      roles.flatMap(({ projection, serves }) =>
        serves && !broken.has(projection.name) ? [serves.fold] : [],
      ),
    fold(batches, end) {
      const targets = roles.flatMap(({ projection, serves }) =>
        serves === undefined || broken.has(projection.name)
          ? []
          : [
              {
                ...targetAt(env, { view: projection.name, slot: serves.slot, checkpoint: 0 }, projections),
                fold: serves.fold,
              },
            ],
      );
      const folding = folder(targets);
      folding.addAll(batches);
      const stages: Pick<Stage, 'write'>[] = [];
      const changed = { ...states };
      for (const { view, stage, error } of folding.finish(targets)) {
        const state = states[view];
        if (stage !== undefined && state !== undefined) {
          stages.push(stage);
          changed[view] = { ...state, checkpoint: end };
          continue;
        }
        setAside(view, error);
        // A later release begins it anew: sweeps pass over it from here on.
        delete changed[view];
      }
      return {
        write() {
          for (const stage of stages) stage.write();
          writeViewStates(log, changed);
          states = changed;
        },
      };
    },
    due,
    prepare,
    write,
    step(limit) {
      prepare();
      const targets = due().map((place) => targetAt(env, place, projections));
      if (targets.length === 0) return undefined;
      const folding = folder(targets);
      const { next, error } = addSome(log, folding, targets, limit);
      return write({ next, views: folding.finish(targets, error) });
    },
  };
}

/** Adds up to so many batches of the log, from where the first of the views stands; a damaged one ends it for all views. */
export function addSome(
  log: Log,
  folding: FoldingOfSome,
  targets: readonly Target[],
  limit: number,
): { next: number; error?: DamagedBatch } {
  const from = Math.min(...targets.map(({ checkpoint }) => checkpoint));
  try {
    return { next: folding.addAll(log.scan(from), limit) ?? log.counters().offset };
  } catch (error) {
    if (error instanceof DamagedBatch) return { next: from, error };
    throw error;
  }
}
