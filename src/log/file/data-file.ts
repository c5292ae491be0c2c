/**
 * Looks at a data file before LMDB maps it: LMDB ends the process over one that is foreign or cut short.
 *
 * A page begins with `[number u64][transaction u64][pad u16][flags u16][lower u16][upper u16]`,
 * little-endian. Behind that of the first two, the meta pages, one of which is current:
 * `[magic u32][version u32][address u64][map bytes u64]`, the roots of the free list and of the tables,
 * `[last page u64][transaction u64]`. A root is 48 bytes, its page's number the last 8.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const HEADER_BYTES = 24;
const MAGIC = 0xbeefc0de;
const VERSION = 2;
const META_BYTES = 160;
const [MAGIC_AT, PAGE_BYTES_AT, LAST_PAGE_AT, TRANSACTION_AT] = [24, 48, 144, 152];
const ROOTS_AT = [88, 136];
const [FLAGS_AT, LOWER_AT] = [18, 20];
const PAGE_BYTES_MIN = 512;
const BRANCH = 1;
const LEAF = 2;
/** A table without a row. */
const NO_PAGE = 2 ** 64;
const NODE_HEADER_BYTES = 8;
const [ON_OTHER_PAGES, IS_TABLE] = [1, 2];
const ROOT_PAGE_AT = 40;

/** Why the file is not a whole data file; undefined for one that is, and for an empty one. */
export function whatIsWrong(path: string): string | undefined {
  const file = openSync(path, 'r');
  try {
    if (fstatSync(file).size === 0) return undefined; // LMDB fills it
    const first = readAt(file, 0, META_BYTES);
    if (!isMeta(first)) return 'it is not a spyglass data file';
    return cutAt(file, first);
  } finally {
    closeSync(file);
  }
}

function readAt(file: number, position: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  return buffer.subarray(0, readSync(file, buffer, 0, bytes, position));
}

const isMeta = (page: Buffer): boolean =>
  page.length === META_BYTES &&
  page.readUInt32LE(MAGIC_AT) === MAGIC &&
  page.readUInt32LE(MAGIC_AT + 4) === VERSION;

const u64 = (bytes: Buffer, at: number): number => Number(bytes.readBigUInt64LE(at));

/** A file shorter than its last page is searched page by page: a page that is not in use may be missing. */
function cutAt(file: number, first: Buffer): string | undefined {
  const pageBytes = first.readUInt32LE(PAGE_BYTES_AT);
  if (pageBytes < PAGE_BYTES_MIN) return 'its first page is damaged: restore a backup';
  const second = readAt(file, pageBytes, META_BYTES);
  const metas = [first, second].filter(isMeta);
  const meta = metas.reduce((a, b) => (u64(b, TRANSACTION_AT) > u64(a, TRANSACTION_AT) ? b : a));
  const { size } = fstatSync(file);
  const last = u64(meta, LAST_PAGE_AT);
  if (metas.length === 2 && size >= (last + 1) * pageBytes) return undefined;
  const roots = ROOTS_AT.map((at) => u64(meta, at));
  const missing = metas.length < 2 ? 1 : missingPage(file, pageBytes, size, roots);
  if (missing === undefined) return undefined;
  return `it is cut short: of ${last + 1} pages it lacks page ${missing}: restore a backup`;
}

/** The first page in use that lies beyond the file's end, on the way down from the roots. */
function missingPage(file: number, pageBytes: number, size: number, roots: number[]): number | undefined {
  const waiting = [...roots];
  for (let number = waiting.pop(); number !== undefined; number = waiting.pop()) {
    if (number >= NO_PAGE) continue;
    if ((number + 1) * pageBytes > size) return number;
    const page = readAt(file, number * pageBytes, pageBytes);
    const flags = page.readUInt16LE(FLAGS_AT);
    const nodes = page.readUInt16LE(LOWER_AT) >> 1;
    for (let i = 0; i < nodes; i++) {
      const node = page.subarray(HEADER_BYTES + page.readUInt16LE(HEADER_BYTES + 2 * i));
      if ((flags & BRANCH) !== 0) waiting.push(node.readUIntLE(0, 6));
      else if ((flags & LEAF) !== 0) {
        const { root, end } = whereTo(node, pageBytes);
        if (root !== undefined) waiting.push(root);
        if (end !== undefined && (end + 1) * pageBytes > size) return end;
      }
    }
  }
  return undefined;
}

/** Where a leaf's node leads: the first page of a table, or the last one of a value on its own pages. */
function whereTo(node: Buffer, pageBytes: number): { root?: number; end?: number } {
  const flags = node.readUInt16LE(4);
  const value = node.subarray(NODE_HEADER_BYTES + node.readUInt16LE(6));
  if ((flags & IS_TABLE) !== 0) return { root: u64(value, ROOT_PAGE_AT) };
  if ((flags & ON_OTHER_PAGES) === 0) return {};
  const pages = Math.ceil((HEADER_BYTES + node.readUInt32LE(0)) / pageBytes);
  return { end: u64(value, 0) + pages - 1 };
}
