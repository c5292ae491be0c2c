/** Staged writes of a view as flat bytes: objects for each commit would cost most in garbage collection. */
import { type Env, rowMemory, type Table } from '../../log/file/env.js';
import { u16 } from '../../log/file/keys.js';
import { obtain } from './projection.js';

/**
 * A table whose writes are staged: reads see the store, not what is staged. One write a key and commit. Keys
 * and values are copied at once, so that a fold may use their memory for the next.
 */
export type StagedTable = Pick<Table, 'get' | 'lend' | 'range' | 'keys' | 'put' | 'remove'>;

/** The staged writes of one commit after the other. */
export type Stage = ReturnType<typeof openStage>;

/** Staged writes as they lie in memory. */
export interface StagedRows {
  size: number;
  memory: Uint8Array<ArrayBuffer>;
  /** By write: where its key ends, and its value, or `REMOVED`; it begins where the write before ends. */
  ends: Uint32Array<ArrayBuffer>;
  /** By write: which of the tables it is for. */
  tableOf: Uint8Array<ArrayBuffer>;
  tables: string[];
}

const REMOVED = 0;

const newRows = (writes: number, bytes: number, tables: string[]): StagedRows => ({
  size: 0,
  memory: new Uint8Array(bytes),
  ends: new Uint32Array(2 * writes),
  tableOf: new Uint8Array(writes),
  tables,
});

/** Inside a transaction; the tables by the names they have in the store. */
export function writeRows(env: Env, { size, memory, ends, tableOf, tables }: StagedRows): void {
  const opened = tables.map((name) => env.table(name));
  const rows = rowMemory(memory);
  const at = { key: 0, keyEnd: 0, value: 0, valueEnd: 0 };
  for (let row = 0; row < size; row++) {
    const table = opened[tableOf[row] as number] as Table;
    at.keyEnd = ends[2 * row] as number;
    at.value = at.keyEnd;
    at.valueEnd = ends[2 * row + 1] as number;
    if (at.valueEnd === REMOVED) table.remove(memory.subarray(at.key, at.keyEnd));
    else table.putFrom(rows, at);
    at.key = at.valueEnd === REMOVED ? at.keyEnd : at.valueEnd;
  }
}

/** What moves to another thread with rows, instead of being copied. */
export const buffersOf = ({ memory, ends, tableOf }: StagedRows): ArrayBuffer[] => [
  memory.buffer,
  ends.buffer,
  tableOf.buffer,
];

/** Makes room for a write of so many bytes behind the first `length`, and returns the memory. */
function reserve(rows: StagedRows, length: number, bytes: number): Uint8Array {
  const { size, memory, ends, tableOf } = rows;
  if (length + bytes > memory.length) {
    rows.memory = new Uint8Array(Math.max(length + bytes, memory.length * 2));
    rows.memory.set(memory.subarray(0, length));
  }
  if (size === tableOf.length) {
    rows.ends = new Uint32Array(ends.length * 2);
    rows.ends.set(ends);
    rows.tableOf = new Uint8Array(tableOf.length * 2);
    rows.tableOf.set(tableOf);
  }
  return rows.memory;
}

/** A stage for tables of one environment, under the names they have there. */
export function openStage(env: Env) {
  let rows = newRows(1 << 6, 1 << 12, []);
  let length = 0;
  const tables = new Map<string, StagedTable>();

  const add = (table: number, keyEnd: number, valueEnd: number): void => {
    const { size, ends, tableOf } = rows;
    tableOf[size] = table;
    ends[2 * size] = keyEnd;
    ends[2 * size + 1] = valueEnd;
    rows.size++;
  };

  const openTable = ({ name, get, lend, range, keys }: Table): StagedTable => {
    const index = rows.tables.push(name) - 1;
    return {
      get,
      lend,
      range,
      keys,
      put(key, value) {
        const memory = reserve(rows, length, key.length + value.length);
        const keyEnd = copy(memory, length, key);
        length = copy(memory, keyEnd, value);
        add(index, keyEnd, length);
      },
      remove(key) {
        length = copy(reserve(rows, length, key.length), length, key);
        add(index, length, REMOVED);
      },
    };
  };

  return {
    /** The same one each time. */
    table: (name: string) => obtain(tables, name, () => openTable(env.table(name))),
    /** How many writes are staged. */
    get size() {
      return rows.size;
    },
    /** Inside a transaction: performs every staged write, in the order given. */
    write: () => writeRows(env, rows),
    /** Forgets what is staged. */
    clear() {
      rows.size = 0;
      length = 0;
    },
    /** Gives the staged rows to another thread for writing; memory that came back from it is used next. */
    take(spare?: StagedRows): StagedRows {
      const taken = rows;
      const { tableOf, memory, tables } = taken;
      rows = spare ? { ...spare, size: 0, tables } : newRows(tableOf.length, memory.length, tables);
      length = 0;
      return taken;
    },
  };
}

/** The numbers of so many bytes that lead keys of a table, ascending: one seek a number. */
export function* leadsIn(table: Pick<Table, 'keys'>, bytes: number): Generator<number> {
  const start = Buffer.alloc(bytes);
  for (let next = 0; next < 256 ** bytes; next++) {
    start.writeUIntBE(next, 0, bytes);
    const [key]: Buffer[] = [...table.keys({ start, limit: 1 })];
    if (!key) return;
    next = key.readUIntBE(0, bytes);
    yield next;
  }
}

/** Stages the removal of each app's rows before a key, in a table whose keys begin with the app's number. */
export function removeBefore(
  stage: Stage,
  name: string,
  endOf: (app: number) => Buffer,
  limit: number,
): void {
  for (const app of leadsIn(stage.table(name), 2))
    removeRange(stage, name, { start: u16(app), end: endOf(app) }, limit);
}

/** Stages the removal of a table's rows in a range, until so many writes are staged. */
export function removeRange(
  stage: Stage,
  name: string,
  range: { start: Uint8Array; end: Uint8Array },
  limit: number,
): void {
  if (stage.size >= limit) return;
  const table = stage.table(name);
  for (const key of table.keys({ ...range, limit: limit - stage.size })) table.remove(key);
}

/** For a few bytes a loop beats the call. */
const LOOP_BYTES_MAX = 48;

function copy(memory: Uint8Array, at: number, bytes: Uint8Array): number {
  const { length } = bytes;
  if (length > LOOP_BYTES_MAX) memory.set(bytes, at);
  else for (let i = 0; i < length; i++) memory[at + i] = bytes[i] as number;
  return at + length;
}
