/** Compares bytes of a body with known spellings: field names, types, and earlier parts of the body. */
import { EVENT_TYPES } from '../domain/event.js';
import type { Span } from './scan.js';

export const UNKNOWN = -1;
const TYPES = EVENT_TYPES.map((type) => Buffer.from(`"${type}"`));

/** Whether the bytes at `at` equal those of an earlier span; false for an empty one. */
export function sameBytes(bytes: Uint8Array, at: number, { start, end }: Span): boolean {
  if (start === end || at + end - start > bytes.length) return false;
  for (let other = start; other < end; at++, other++) {
    if (bytes[at] !== bytes[other]) return false;
  }
  return true;
}

/** The code of the type at `start`, quotes included. */
export function typeAt(bytes: Uint8Array, start: number): number {
  for (let code = 0; code < TYPES.length; code++) {
    const spelling = TYPES[code] as Buffer;
    if (start + spelling.length <= bytes.length && startsWith(bytes, start, spelling)) return code;
  }
  return UNKNOWN;
}

/** The bytes of a type, quotes included. */
export const typeLength = (code: number): number => (TYPES[code] as Buffer).length;

/** Field names by their length, quotes included. */
export function fields(names: readonly string[]): { spelling: Uint8Array; field: number }[][] {
  const byLength: { spelling: Uint8Array; field: number }[][] = [];
  names.forEach((name, field) => {
    const spelling = Buffer.from(`"${name}"`);
    byLength[spelling.length] ??= [];
    byLength[spelling.length]?.push({ spelling, field });
  });
  return byLength;
}

/** The index of the field whose name, quotes included, spans `start` to `end`. */
export function fieldAt(
  bytes: Uint8Array,
  start: number,
  end: number,
  known: ReturnType<typeof fields>,
): number {
  const candidates = known[end - start];
  if (candidates === undefined) return UNKNOWN;
  for (const { spelling, field } of candidates) {
    if (startsWith(bytes, start, spelling)) return field;
  }
  return UNKNOWN;
}

function startsWith(bytes: Uint8Array, start: number, spelling: Uint8Array): boolean {
  for (let i = 0; i < spelling.length; i++) {
    if (bytes[start + i] !== spelling[i]) return false;
  }
  return true;
}
