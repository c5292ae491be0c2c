/** Counts by name, as rows hold them: names in blocks of 512, a block's counts packed ascending by name. */
import type { Table } from '../log/file/env.js';
import { obtain } from './engine/projection.js';
import { leadsIn, type StagedTable } from './engine/stage.js';

/** A name's block is its number without these. */
const BLOCK_BITS = 9;
export const BLOCK_NAMES = 1 << BLOCK_BITS;
const COUNT_BYTES = 6;

/** A block's counts by index, and where those lie that are not 0: most ranges of time have few names. */
interface CountsBlock {
  counts: Uint32Array;
  first: number;
  end: number;
}

/** Blocks that are empty again: a fold of many hours needs one after the other. */
const spareBlocks: CountsBlock[] = [];
const SPARE_BLOCKS = 64;

function takeBlock(value: Buffer | undefined): CountsBlock {
  const block = spareBlocks.pop() ?? { counts: new Uint32Array(BLOCK_NAMES), first: BLOCK_NAMES, end: 0 };
  if (value === undefined || value.length === 0) return block;
  for (let at = 0; at < value.length; at += COUNT_BYTES) {
    block.counts[value.readUInt16LE(at)] = value.readUInt32LE(at + 2);
  }
  block.first = value.readUInt16LE(0);
  block.end = value.readUInt16LE(value.length - COUNT_BYTES) + 1;
  return block;
}

function giveBack(block: CountsBlock): void {
  block.counts.fill(0, block.first, block.end);
  block.first = BLOCK_NAMES;
  block.end = 0;
  if (spareBlocks.length < SPARE_BLOCKS) spareBlocks.push(block);
}

const packed = Buffer.alloc(BLOCK_NAMES * COUNT_BYTES);

/** `[index u16][count u32]` for each name of a block that occurred, little-endian. Valid until the next. */
function pack({ counts, first, end }: CountsBlock): Buffer {
  let at = 0;
  for (let index = first; index < end; index++) {
    if (counts[index] === 0) continue;
    packed.writeUInt16LE(index, at);
    packed.writeUInt32LE(counts[index] as number, at + 2);
    at += COUNT_BYTES;
  }
  return packed.subarray(0, at);
}

/** A block's counts by index: 0 for a name that did not occur. */
export function unpackCounts(value: Buffer | undefined): Uint32Array {
  const counts = new Uint32Array(BLOCK_NAMES);
  for (let at = 0; value && at < value.length; at += COUNT_BYTES) {
    counts[value.readUInt16LE(at)] = value.readUInt32LE(at + 2);
  }
  return counts;
}

export type CountsFold = ReturnType<typeof openCountsFold>;

/** Counts of one range of time that a fold adds to, then stages; every block is read once and written once. */
export function openCountsFold(table: StagedTable, keyOf: (block: number) => Buffer) {
  const blocks = new Map<number, CountsBlock>();
  // The block of the last addition, where most of the next go too.
  let current = -1;
  let known: CountsBlock | undefined;
  return {
    /** Adds to a name's count; returns what it was. */
    add(name: number, count: number): number {
      const number = name >>> BLOCK_BITS;
      if (known === undefined || number !== current) {
        current = number;
        known = obtain(blocks, number, () => takeBlock(table.lend(keyOf(number))));
      }
      const index = name & (BLOCK_NAMES - 1);
      const before = known.counts[index] as number;
      known.counts[index] = before + count;
      if (index < known.first) known.first = index;
      if (index >= known.end) known.end = index + 1;
      return before;
    },
    /** The last call. */
    stage() {
      for (const [number, block] of blocks) {
        table.put(keyOf(number), pack(block));
        giveBack(block);
      }
    },
  };
}

export type NameSums = ReturnType<typeof newNameSums>;

/** Sums by name over many rows. */
export function newNameSums() {
  const blocks = new Map<number, Float64Array>();
  const sumsOf = (block: number): Float64Array => obtain(blocks, block, () => new Float64Array(BLOCK_NAMES));
  return {
    /** A count below 0 takes away what was added. */
    add(name: number, count: number): void {
      const sums = sumsOf(name >>> BLOCK_BITS);
      const index = name & (BLOCK_NAMES - 1);
      sums[index] = (sums[index] as number) + count;
    },
    /** Adds a row of counts, or takes it away: `sign` is −1. */
    addRow(block: number, value: Buffer, sign: 1 | -1 = 1): void {
      const sums = sumsOf(block);
      // Byte by byte: reads that check bounds take several times as long.
      for (let at = 0; at < value.length; at += COUNT_BYTES) {
        const index = (value[at] as number) | ((value[at + 1] as number) << 8);
        const low =
          (value[at + 2] as number) | ((value[at + 3] as number) << 8) | ((value[at + 4] as number) << 16);
        sums[index] = (sums[index] as number) + sign * (low + (value[at + 5] as number) * 2 ** 24);
      }
    },
    /** How often a name occurred. */
    of: (name: number): number => blocks.get(name >>> BLOCK_BITS)?.[name & (BLOCK_NAMES - 1)] ?? 0,
    /** Calls `take` for each name that occurred; objects for a million would take a hundred megabytes. */
    each(take: (name: number, count: number) => void): void {
      for (const [block, counts] of blocks) {
        for (let index = 0; index < BLOCK_NAMES; index++) {
          const count = counts[index] as number;
          if (count > 0) take(block * BLOCK_NAMES + index, count);
        }
      }
    },
  };
}

/** The (app, type) pairs that lead keys of a table, `[app u16][type u8]…`. */
export function* kindsIn(table: Pick<Table, 'keys'>): Generator<[app: number, type: number]> {
  for (const kind of leadsIn(table, 3)) yield [kind >> 8, kind & 0xff];
}
