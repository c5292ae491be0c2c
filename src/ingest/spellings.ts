/** Compares bytes of a body with known spellings: field names, types, and earlier parts of the body. */
import type { Span } from './scan.js';

export const UNKNOWN = -1;

/** Whether the bytes at `at` equal those of an earlier span; false for an empty one. */
export function sameBytes(bytes: Uint8Array, at: number, { start, end }: Span): boolean {
  if (start === end || at + end - start > bytes.length) return false;
  for (let other = start; other < end; at++, other++) {
    if (bytes[at] !== bytes[other]) return false;
  }
  return true;
}

/** Names by their length, quotes included. */
type Names = { spelling: Uint8Array; index: number }[][];

export function spellingsOf(names: readonly string[]): Names {
  const byLength: Names = [];
  names.forEach((name, index) => {
    const spelling = Buffer.from(`"${name}"`);
    byLength[spelling.length] ??= [];
    byLength[spelling.length]?.push({ spelling, index });
  });
  return byLength;
}

/** The index of the name that spans `start` to `end`, quotes included. */
export function nameAt(bytes: Uint8Array, start: number, end: number, names: Names): number {
  const candidates = names[end - start];
  if (candidates === undefined) return UNKNOWN;
  for (const { spelling, index } of candidates) {
    if (startsWith(bytes, start, spelling)) return index;
  }
  return UNKNOWN;
}

function startsWith(bytes: Uint8Array, start: number, spelling: Uint8Array): boolean {
  for (let i = 0; i < spelling.length; i++) {
    if (bytes[start + i] !== spelling[i]) return false;
  }
  return true;
}
