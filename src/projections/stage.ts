/**
 * Staged writes of a view, one behind the other as flat bytes.
 *
 * A commit stages thousands of rows; each as objects of its own would cost more than all else that is done with it, since
 * they live just long enough for the collector of garbage to carry them about.
 */
import { type Env, type RowMemory, rowMemory, type Table } from '../log/env.js';

/**
 * A table whose writes are staged: reads see the store, not what is staged. One write a key and commit. Keys and values are
 * copied at once, so that a fold may use their memory for the next.
 */
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

/** Memory that stages take turns in. */
export interface StageMemory {
  /** An empty stage for the tables of an environment; the one before it is gone. */
  stage(env: Env): Stage;
}

const FIELDS = 2;
const REMOVED = 0;

export function newStageMemory(): StageMemory {
  let memory: RowMemory = rowMemory(new Uint8Array(1 << 12));
  /** By write: where its key ends, and its value, or `REMOVED`; it begins where the write before ends. */
  let ends = new Uint32Array(1 << 7);
  let tables: Table[] = [];
  let size = 0;
  let length = 0;

  const reserve = (bytes: number): void => {
    if (length + bytes > memory.length) {
      const grown = new Uint8Array(Math.max(length + bytes, memory.length * 2));
      grown.set(memory.subarray(0, length));
      memory = rowMemory(grown);
    }
    if ((size + 1) * FIELDS > ends.length) {
      const grown = new Uint32Array(ends.length * 2);
      grown.set(ends);
      ends = grown;
    }
  };
  const add = (table: Table, keyEnd: number, valueEnd: number): void => {
    tables[size] = table;
    ends[size * FIELDS] = keyEnd;
    ends[size * FIELDS + 1] = valueEnd;
    size++;
  };

  const staged = (table: Table): StagedTable => ({
    get: table.get,
    range: table.range,
    keys: table.keys,
    put(key, value) {
      reserve(key.length + value.length);
      const keyEnd = copy(memory, length, key);
      length = copy(memory, keyEnd, value);
      add(table, keyEnd, length);
    },
    remove(key) {
      reserve(key.length);
      length = copy(memory, length, key);
      add(table, length, REMOVED);
    },
  });

  const write = (): void => {
    const place = { key: 0, keyEnd: 0, value: 0, valueEnd: 0 };
    for (let row = 0; row < size; row++) {
      const table = tables[row] as Table;
      place.keyEnd = ends[row * FIELDS] as number;
      place.value = place.keyEnd;
      place.valueEnd = ends[row * FIELDS + 1] as number;
      if (place.valueEnd === REMOVED) table.remove(memory.subarray(place.key, place.keyEnd));
      else table.putFrom(memory, place);
      place.key = place.valueEnd === REMOVED ? place.keyEnd : place.valueEnd;
    }
  };

  return {
    stage(env) {
      tables = [];
      size = 0;
      length = 0;
      return {
        table: (name) => staged(env.table(name)),
        get size() {
          return size;
        },
        write,
      };
    },
  };
}

/** For a few bytes a loop beats the call. */
const LOOP_BYTES_MAX = 48;

function copy(memory: Uint8Array, at: number, bytes: Uint8Array): number {
  const { length } = bytes;
  if (length > LOOP_BYTES_MAX) memory.set(bytes, at);
  else for (let i = 0; i < length; i++) memory[at + i] = bytes[i] as number;
  return at + length;
}

/** A stage with memory of its own, for tables of one environment. */
export const openStage = (env: Env): Stage => newStageMemory().stage(env);
