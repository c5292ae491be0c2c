/** Counts of very many error groups, in columns: as objects a million of them would take a gigabyte. */
import {
  type ErrorGroup,
  type OccurrenceBlock,
  occurrenceId,
  occurrenceTs,
  rowsOf,
} from '../../projections/error-groups.js';
import { openFirst } from './merge.js';

const newColumns = (rows: number) => ({
  /** The hash of a group, 12 bytes in three numbers, and its app. */
  high: new Uint32Array(rows),
  middle: new Uint32Array(rows),
  low: new Uint32Array(rows),
  app: new Uint16Array(rows),
  count: new Uint32Array(rows),
  /** Of the newest occurrence. */
  ts: new Float64Array(rows),
  id: new Float64Array(rows),
});
type Columns = ReturnType<typeof newColumns>;

function grow(columns: Columns): Columns {
  const grown = newColumns(columns.ts.length * 2);
  for (const name of Object.keys(columns) as (keyof Columns)[]) grown[name].set(columns[name]);
  return grown;
}

const hex = (word: number): string => word.toString(16).padStart(8, '0');

/** The row of each group, new ones at the end. */
function openIndex() {
  let columns = newColumns(8_192);
  /** By hash, with linear probing: the row and one more; a power of two, never over half full. */
  let slots = new Uint32Array(2 * 8_192);
  let length = 0;

  const slotOf = (high: number, middle: number, low: number, app: number): number => {
    const mask = slots.length - 1;
    let slot = (high ^ app) & mask;
    for (let row = slots[slot] as number; row !== 0; row = slots[slot] as number) {
      const at = row - 1;
      if (columns.low[at] === low && columns.middle[at] === middle && columns.high[at] === high)
        if (columns.app[at] === app) return slot;
      slot = (slot + 1) & mask;
    }
    return slot;
  };
  const widen = (): void => {
    columns = grow(columns);
    slots = new Uint32Array(slots.length * 2);
    const { high, middle, low, app } = columns;
    for (let row = 0; row < length; row++) {
      const [a, b, c] = [high[row] as number, middle[row] as number, low[row] as number];
      slots[slotOf(a, b, c, app[row] as number)] = row + 1;
    }
  };

  return {
    columns: () => columns,
    length: () => length,
    rowOf({ app, hash }: ErrorGroup): number {
      const word = (at: number): number => Number.parseInt(hash.slice(at, at + 8), 16);
      const [high, middle, low] = [word(0), word(8), word(16)];
      const known = slots[slotOf(high, middle, low, app)] as number;
      if (known !== 0) return known - 1;
      if (length === columns.ts.length) widen();
      slots[slotOf(high, middle, low, app)] = length + 1;
      columns.high[length] = high;
      columns.middle[length] = middle;
      columns.low[length] = low;
      columns.app[length] = app;
      columns.ts[length] = -1;
      return length++;
    },
  };
}

export function openGroupCounts() {
  const index = openIndex();
  return {
    /** Counts a block's occurrences within the range. */
    add(block: OccurrenceBlock, { from, to }: { from: number; to: number }): void {
      const row = index.rowOf(block.group);
      const { count, ts: newest, id: newestId } = index.columns();
      for (let at = 0; at < rowsOf(block); at++) {
        const ts = occurrenceTs(block, at);
        if (ts < from || ts > to) continue;
        count[row] = (count[row] as number) + 1;
        if (ts < (newest[row] as number)) continue;
        const id = occurrenceId(block, at);
        if (ts === newest[row] && id < (newestId[row] as number)) continue;
        newest[row] = ts;
        newestId[row] = id;
      }
    },
    /** The groups with the greatest counts; of equal ones those with the latest occurrence. */
    greatest(limit: number, check: () => void): ErrorGroup[] {
      const { high, middle, low, app, count, ts, id } = index.columns();
      const of = (column: Uint32Array | Float64Array, a: number, b: number): number =>
        (column[b] as number) - (column[a] as number);
      const byCount = (a: number, b: number): number => of(count, a, b) || of(ts, a, b) || of(id, a, b);
      const { first, add } = openFirst(limit, byCount);
      for (let row = 0; row < index.length(); row++) {
        check();
        if (count[row] !== 0) add(row);
      }
      return first.map((row) => ({
        app: app[row] as number,
        hash: hex(high[row] as number) + hex(middle[row] as number) + hex(low[row] as number),
      }));
    },
  };
}
