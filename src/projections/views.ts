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
import type { Env, Table } from '../log/env.js';
import type { Log } from '../log/log.js';
import { type BatchView, DamagedBatch } from '../log/record-batch.js';
import { type Fold, type Folding, obtain, type Projection } from './projection.js';
import {
  PROJECTIONS,
  readViewStates,
  type Slot,
  tableIn,
  type ViewState,
  type ViewStates,
  writeViewStates,
} from './registry.js';
import { newStageMemory, type Stage, type StageMemory } from './stage.js';

/** A view is being folded and has no tables to answer from; its reads are worth asking again. */
export class ViewNotReady extends Error {
  override name = 'ViewNotReady';
}

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
    copyInto: refuse,
    put: refuse,
    putFrom: refuse,
    remove: refuse,
    range: refuse,
    keys: refuse,
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
  /** Folds up to so many batches into the views that do not serve yet; undefined when there is none. */
  step(batches: number): FoldingProgress | undefined;
}

export interface ViewsOptions {
  /** Runs a transaction. */
  transact: (write: () => void) => void;
  onBroken: (broken: BrokenView) => void;
  projections?: readonly Projection[];
}

/** A fold whose first throw ends it, and leaves nothing staged. */
class Attempt {
  readonly #stage: Stage;
  readonly #onThrow: (error: unknown) => void;
  #folding: Folding | undefined;

  constructor(fold: Fold, stage: Stage, onThrow: (error: unknown) => void) {
    this.#stage = stage;
    this.#onThrow = onThrow;
    try {
      this.#folding = fold.fold(stage);
    } catch (error) {
      onThrow(error);
    }
  }

  add(batch: BatchView): void {
    try {
      this.#folding?.add(batch);
    } catch (error) {
      this.#folding = undefined;
      this.#onThrow(error);
    }
  }

  /** What the batches change. */
  finish(): Stage | undefined {
    try {
      this.#folding?.finish();
    } catch (error) {
      this.#folding = undefined;
      this.#onThrow(error);
    }
    return this.#folding && this.#stage;
  }
}

/** Apart from who calls it, so that it is compiled once and for all. */
function addAll(attempts: readonly Attempt[], batches: Iterable<BatchView>): void {
  for (const batch of batches) for (const attempt of attempts) attempt.add(batch);
}

/** Opens the views for the one writer, with their tables made where they are missing. */
export function openViews(
  env: Env,
  log: Log,
  { transact, onBroken, projections = PROJECTIONS }: ViewsOptions,
): Views {
  let states = readViewStates(log);
  let roles = rolesOf(log, states, projections);
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

  const memories = new Map<string, StageMemory>();

  /** Begins to fold batches into the tables of a slot. */
  const begin = (projection: Projection, fold: Fold, slot: Slot): Attempt => {
    const stage = obtain(memories, projection.name, newStageMemory).stage(envOf(env, [{ projection, slot }]));
    return new Attempt(fold, stage, (error) => setAside(projection.name, error));
  };

  const making = () => roles.filter(({ projection, makes }) => makes && !broken.has(projection.name));

  /** Empties the tables of what is made from the beginning on, and of slots that nothing is in. */
  const prepare = (): void => {
    const fresh = making().filter(({ makes }) => makes?.checkpoint === 0);
    const changed = { ...states };
    for (const { projection, serves, makes } of fresh) {
      const { name, version } = projection;
      const state = states[name];
      changed[name] =
        serves && state
          ? { ...state, next: { version, checkpoint: 1 } }
          : { version, checkpoint: 1, slot: makes?.slot ?? 0 };
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
      const begun = roles.flatMap(({ projection, serves }) =>
        serves === undefined || broken.has(projection.name)
          ? []
          : [{ name: projection.name, folding: begin(projection, serves.fold, serves.slot) }],
      );
      addAll(
        begun.map(({ folding }) => folding),
        batches,
      );
      const stages: Stage[] = [];
      const changed = { ...states };
      for (const { name, folding } of begun) {
        const stage = folding.finish();
        const state = states[name];
        if (stage === undefined || state === undefined) {
          // A later release begins it anew: sweeps pass over it from here on.
          delete changed[name];
          continue;
        }
        stages.push(stage);
        changed[name] = { ...state, checkpoint: end };
      }
      return {
        write() {
          for (const stage of stages) stage.write();
          writeViewStates(log, changed);
          states = changed;
        },
      };
    },
    step(limit) {
      if (making().some(({ makes }) => makes?.checkpoint === 0)) prepare();
      const due = making();
      if (due.length === 0) return undefined;
      const end = log.counters().offset;
      const checkpointOf = ({ makes }: Role): number => makes?.checkpoint ?? end;
      const changed = { ...states };
      /** Begun anew by the next start: sweeps pass over what is left of it here. */
      const giveUp = ({ projection: { name }, serves }: Role): void => {
        const { next: _, ...state } = states[name] ?? { version: 0, checkpoint: 0 };
        if (serves) changed[name] = state;
        else delete changed[name];
      };
      const begun = due.map((role) => ({
        ...role,
        checkpoint: checkpointOf(role),
        folding: begin(role.projection, role.projection, role.makes?.slot ?? 0),
      }));
      let next: number;
      try {
        next = scanSome(log, Math.min(...due.map(checkpointOf)), limit, (batch) => {
          for (const { checkpoint, folding } of begun) if (batch.offset >= checkpoint) folding.add(batch);
        });
      } catch (error) {
        if (!(error instanceof DamagedBatch)) throw error;
        for (const { projection } of due) setAside(projection.name, error);
        next = 1;
      }
      const stages: Stage[] = [];
      for (const role of begun) {
        const { projection, serves, makes, checkpoint, folding } = role;
        const { name, version } = projection;
        const stage = broken.has(name) ? undefined : folding.finish();
        if (stage === undefined) {
          giveUp(role);
          continue;
        }
        stages.push(stage);
        const state = states[name];
        const made = { version, checkpoint: Math.max(next, checkpoint) };
        changed[name] =
          serves && state && next < end ? { ...state, next: made } : { ...made, slot: makes?.slot ?? 0 };
      }
      settle(changed, () => {
        for (const stage of stages) stage.write();
      });
      if (making().length === 0) clearUnused();
      return { views: due.map(({ projection }) => projection.name), done: next - 1, total: end - 1 };
    },
  };
}

/** Hands on up to `limit` batches that arrived from the offset on; returns the offset to go on from. */
export function scanSome(log: Log, from: number, limit: number, take: (batch: BatchView) => void): number {
  let count = 0;
  for (const batch of log.scan(from)) {
    take(batch);
    if (++count === limit) return batch.offset + batch.count;
  }
  return log.counters().offset;
}
