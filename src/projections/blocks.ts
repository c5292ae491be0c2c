/**
 * Lists of rows in order of arrival, cut into blocks so that a commit rewrites a list's last page alone. Row
 * k lies in block ⌊k ÷ rows a block⌋; a block's key ends with its number, u32.
 */
import { put32 } from '../log/file/keys.js';
import type { StagedTable } from './engine/stage.js';

const NUMBER_BYTES = 4;
const NUMBER_MAX = 0xffff_ffff;

/** The block that a list goes on in, and the rows it holds. */
export interface LastBlock {
  block: number;
  rows: number;
  /** Lent, as `Table.lend` says. */
  value: Buffer | undefined;
}

/** The key of another block of the same list, in the same memory. */
export function blockKey(key: Buffer, block: number): Buffer {
  put32(key, key.length - NUMBER_BYTES, block);
  return key;
}

/** Where a list goes on that has so many rows. */
export function blockAfter(table: StagedTable, key: Buffer, rowsMax: number, count: number): LastBlock {
  const rows = count % rowsMax;
  const block = (count - rows) / rowsMax;
  return { block, rows, value: rows === 0 ? undefined : table.lend(blockKey(key, block)) };
}

/** The last block of a list, which may be full. Few lists have more than one. */
export function lastBlock(
  table: StagedTable,
  key: Buffer,
  rowsMax: number,
  rowsIn: (value: Buffer) => number,
): LastBlock {
  const value = table.lend(blockKey(key, 0));
  const rows = value === undefined ? 0 : rowsIn(value);
  if (rows < rowsMax) return { block: 0, rows, value };
  const list = key.subarray(0, -NUMBER_BYTES);
  const range = { start: blockKey(key, NUMBER_MAX), end: list, reverse: true, limit: 1 } as const;
  for (const last of table.range(range)) {
    const block = last.key.readUInt32BE(list.length);
    return { block, rows: rowsIn(last.value), value: last.value };
  }
  return { block: 0, rows, value };
}

/** Stages `count` rows behind a list's; `pack` makes a block of its rows and the new ones `from` … `to`. */
export function appendRows(
  table: StagedTable,
  key: Buffer,
  rowsMax: number,
  { block, rows, value }: LastBlock,
  count: number,
  pack: (known: Buffer | undefined, from: number, to: number) => Uint8Array,
): void {
  const isFull = rows === rowsMax;
  let number = isFull ? block + 1 : block;
  let known = isFull ? undefined : value;
  for (let from = 0; from < count; known = undefined) {
    const to = Math.min(count, from + rowsMax - (known === undefined ? 0 : rows));
    table.put(blockKey(key, number++), pack(known, from, to));
    from = to;
  }
}
