/**
 * What a view is: tables, a version, and a fold that turns record batches into rows.
 *
 * A fold stages its writes and performs none, so that a throw leaves no trace. What it writes depends on the events
 * and their order of arrival only: never on how commits were grouped, the clock, or an unordered iteration.
 */
import type { Env, Table } from '../log/env.js';
import type { Log } from '../log/log.js';
import type { RecordBatch } from '../log/record-batch.js';

/** A table whose writes are staged: reads see the store, not what is staged. One write a key and commit. */
export interface StagedTable extends Pick<Table, 'get' | 'range' | 'keys'> {
  put(key: Uint8Array, value: Uint8Array): void;
  remove(key: Uint8Array): void;
}

export interface Stage {
  table(name: string): StagedTable;
  /** How many writes are staged. */
  readonly size: number;
  /** Inside a transaction: performs every staged write, in the order given. */
  write(): void;
}

/** One version of a view's writing side. */
export interface Fold {
  /** Grows whenever the bytes a fold writes change: the view is then folded anew. */
  readonly version: number;
  /** Stages what the batches, in order of arrival, change. Each key is read and written at most once a call. */
  fold(stage: Stage, batches: readonly RecordBatch[]): void;
  /**
   * Stages what retention changes: rows of the batches given, all below `fence`, as a fold of what is left would have
   * them. Harmless on rows that are so already.
   */
  forget?(stage: Stage, batches: readonly RecordBatch[], log: Log, env: Env): void;
  /** Stages the removal of up to about `limit` rows of days below `fence`; with nothing staged it is done. */
  dropDays?(stage: Stage, fence: number, limit: number): void;
}

export interface Projection extends Fold {
  readonly name: string;
  readonly tables: readonly string[];
  /**
   * The version before this one, where the reads understand its rows: it goes on serving, and being folded, until this one
   * has caught up beside it. Without it the view's reads are refused meanwhile.
   */
  readonly previous?: Fold;
}

/** Stages writes for the tables of one environment. */
export function openStage(env: Env): Stage {
  const staged: { table: Table; key: Uint8Array; value: Uint8Array | undefined }[] = [];
  return {
    table(name) {
      const table = env.table(name);
      return {
        get: table.get,
        range: table.range,
        keys: table.keys,
        put: (key, value) => staged.push({ table, key, value }),
        remove: (key) => staged.push({ table, key, value: undefined }),
      };
    },
    get size() {
      return staged.length;
    },
    write() {
      for (const { table, key, value } of staged) {
        if (value) table.put(key, value);
        else table.remove(key);
      }
    },
  };
}

/** The value under a key, made on first use: for coalescing in a fold. */
export function obtain<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
