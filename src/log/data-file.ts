/** Looks at a data file before LMDB maps it: on a file that is none of its own it ends the process, not the call. */
import { closeSync, openSync, readSync } from 'node:fs';

/** A page begins with a header; behind that of each of the first two, its meta page, stand these. */
const MAGIC_AT = 24;
const MAGIC = 0xbeefc0de;
const VERSION = 2;

/** Whether the file begins as LMDB's do. An empty one does: LMDB fills it. */
export function looksLikeDataFile(path: string): boolean {
  const start = Buffer.alloc(MAGIC_AT + 8);
  const file = openSync(path, 'r');
  try {
    const length = readSync(file, start, 0, start.length, 0);
    if (length === 0) return true;
    return start.readUInt32LE(MAGIC_AT) === MAGIC && start.readUInt32LE(MAGIC_AT + 4) === VERSION;
  } finally {
    closeSync(file);
  }
}
