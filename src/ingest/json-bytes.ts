/**
 * JSON's grammar (RFC 8259) over bytes: finds a value's end without building it. Refuses what
 * `JSON.parse` refuses, and some unusual JSON. Positions are byte offsets; `REFUSED` stands for no position.
 */
import { JSON_DEPTH_MAX } from '../domain/limits.js';

export const REFUSED = -1;

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_BRACKET = 0x5b;
export const BACKSLASH = 0x5c;
export const CLOSE_BRACKET = 0x5d;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;
export const LOWER_U = 0x75;

const UNDERSCORE = 0x5f;
const LOWER_P = 0x70;
const MINUS = 0x2d;
const PLUS = 0x2b;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;

/** 1 for bytes that a string may hold unescaped. */
const PLAIN = new Uint8Array(256).fill(1);
PLAIN.fill(0, 0, 0x20);
PLAIN[QUOTE] = 0;
PLAIN[BACKSLASH] = 0;

/** 1 for bytes that may follow a backslash, except `u`. */
const ESCAPE = new Uint8Array(256);
for (const character of '"\\/bfnrt') ESCAPE[character.charCodeAt(0)] = 1;

/** The value of a hex digit's byte, 16 for any other byte. */
const HEX = new Uint8Array(256).fill(16);
for (let digit = 0; digit < 16; digit++) {
  const lower = digit.toString(16);
  HEX[lower.charCodeAt(0)] = digit;
  HEX[lower.toUpperCase().charCodeAt(0)] = digit;
}

export function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** The first position from `at` on without white space. */
export function skipSpace(bytes: Uint8Array, at: number): number {
  while (isSpace(bytes[at])) at++;
  return at;
}

/** Where the string that begins at `at` is closed; the end of the bytes or beyond where it is not. */
export function closingQuote(bytes: Uint8Array, at: number): number {
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

/** The closing quote of the string whose first character is at `at`. Refuses lone surrogates. */
function stringEnd(bytes: Uint8Array, at: number): number {
  for (;;) {
    while (PLAIN[bytes[at] ?? 0] === 1) at++;
    if (bytes[at] === QUOTE) return at;
    if (bytes[at] !== BACKSLASH) return REFUSED;
    const escaped = bytes[at + 1] ?? 0;
    if (ESCAPE[escaped] === 1) {
      at += 2;
      continue;
    }
    const width = escaped === LOWER_U ? unicodeEscapeWidth(bytes, at) : REFUSED;
    if (width === REFUSED) return REFUSED;
    at += width;
  }
}

/** The bytes of the `\u` escape at `at`; a pair of surrogates is one, half a pair is refused. */
export function unicodeEscapeWidth(bytes: Uint8Array, at: number): number {
  const unit = hexAt(bytes, at + 2);
  if (unit === REFUSED) return REFUSED;
  if (unit < 0xd800 || unit > 0xdfff) return 6;
  if (unit > 0xdbff || bytes[at + 6] !== BACKSLASH || bytes[at + 7] !== LOWER_U) return REFUSED;
  const next = hexAt(bytes, at + 8);
  return next >= 0xdc00 && next <= 0xdfff ? 12 : REFUSED;
}

/** The UTF-16 code unit of the four hex digits at `at`. */
export function hexAt(bytes: Uint8Array, at: number): number {
  const a = HEX[bytes[at] ?? 0] ?? 16;
  const b = HEX[bytes[at + 1] ?? 0] ?? 16;
  const c = HEX[bytes[at + 2] ?? 0] ?? 16;
  const d = HEX[bytes[at + 3] ?? 0] ?? 16;
  if ((a | b | c | d) > 15) return REFUSED;
  return (a << 12) | (b << 8) | (c << 4) | d;
}

/** The position after the key at `at`. Refuses escapes, and what may be `__proto__` or `prototype`. */
export function keyEnd(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== QUOTE) return REFUSED;
  const start = at + 1;
  let end = start;
  while (PLAIN[bytes[end] ?? 0] === 1) end++;
  if (bytes[end] !== QUOTE) return REFUSED;
  const first = bytes[start];
  if (end - start === 9 && (first === UNDERSCORE || first === LOWER_P)) return REFUSED;
  return end + 1;
}

/** The position after the colon and white space that follow a key's end. */
export function afterColon(bytes: Uint8Array, at: number): number {
  const colon = skipSpace(bytes, at);
  return bytes[colon] === COLON ? skipSpace(bytes, colon + 1) : REFUSED;
}

/** The position after the value at `at`, which is within `depth` objects and arrays. */
export function valueEnd(bytes: Uint8Array, at: number, depth: number): number {
  switch (bytes[at]) {
    case QUOTE: {
      const end = stringEnd(bytes, at + 1);
      return end === REFUSED ? REFUSED : end + 1;
    }
    case OPEN_BRACE:
      return depth === JSON_DEPTH_MAX ? REFUSED : objectEnd(bytes, at, depth + 1);
    case OPEN_BRACKET:
      return depth === JSON_DEPTH_MAX ? REFUSED : arrayEnd(bytes, at, depth + 1);
    case 0x74: // true
      return literalEnd(bytes, at, 0x72, 0x75, 0x65);
    case 0x6e: // null
      return literalEnd(bytes, at, 0x75, 0x6c, 0x6c);
    case 0x66: // false
      return bytes[at + 1] === 0x61 ? literalEnd(bytes, at + 1, 0x6c, 0x73, 0x65) : REFUSED;
    default:
      return numberEnd(bytes, at);
  }
}

function objectEnd(bytes: Uint8Array, at: number, depth: number): number {
  at = skipSpace(bytes, at + 1);
  if (bytes[at] === CLOSE_BRACE) return at + 1;
  for (;;) {
    at = keyEnd(bytes, at);
    if (at === REFUSED) return REFUSED;
    at = afterColon(bytes, at);
    if (at === REFUSED) return REFUSED;
    at = valueEnd(bytes, at, depth);
    if (at === REFUSED) return REFUSED;
    at = skipSpace(bytes, at);
    const next = bytes[at];
    if (next === CLOSE_BRACE) return at + 1;
    if (next !== COMMA) return REFUSED;
    at = skipSpace(bytes, at + 1);
  }
}

function arrayEnd(bytes: Uint8Array, at: number, depth: number): number {
  at = skipSpace(bytes, at + 1);
  if (bytes[at] === CLOSE_BRACKET) return at + 1;
  for (;;) {
    at = valueEnd(bytes, at, depth);
    if (at === REFUSED) return REFUSED;
    at = skipSpace(bytes, at);
    const next = bytes[at];
    if (next === CLOSE_BRACKET) return at + 1;
    if (next !== COMMA) return REFUSED;
    at = skipSpace(bytes, at + 1);
  }
}

function literalEnd(bytes: Uint8Array, at: number, second: number, third: number, fourth: number): number {
  const spelt = bytes[at + 1] === second && bytes[at + 2] === third && bytes[at + 3] === fourth;
  return spelt ? at + 4 : REFUSED;
}

function numberEnd(bytes: Uint8Array, at: number): number {
  if (bytes[at] === MINUS) at++;
  if (bytes[at] === ZERO) at++;
  else at = digitsEnd(bytes, at);
  if (at !== REFUSED && bytes[at] === DOT) at = digitsEnd(bytes, at + 1);
  if (at === REFUSED) return REFUSED;
  const exponent = bytes[at];
  if (exponent !== 0x65 && exponent !== 0x45) return at;
  const sign = bytes[at + 1];
  return digitsEnd(bytes, sign === PLUS || sign === MINUS ? at + 2 : at + 1);
}

/** The position after at least one digit. */
function digitsEnd(bytes: Uint8Array, at: number): number {
  const start = at;
  let byte = bytes[at];
  while (byte !== undefined && byte >= ZERO && byte <= NINE) byte = bytes[++at];
  return at === start ? REFUSED : at;
}

/** The non-negative integer from `start` to `end`; `REFUSED` unless it is plain digits. */
export function plainInteger(bytes: Uint8Array, start: number, end: number): number {
  if (end - start > 15 || (bytes[start] === ZERO && end - start > 1)) return REFUSED;
  let value = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte < ZERO || byte > NINE) return REFUSED;
    value = value * 10 + (byte - ZERO);
  }
  return value;
}
