/** Finds a body's `app` and `key` without parsing it: one pass over its bytes builds nothing. */
import { markBytes } from './body.js';
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  closingQuote,
  hexAt,
  isSpace,
  LOWER_U,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
} from './json-bytes.js';
import type { Span } from './scan.js';

export interface Credentials {
  app: string;
  key: string;
}

const APP = Buffer.from('app');
const KEY = Buffer.from('key');

/**
 * The strings `app` and `key` of the root object, as `JSON.parse` reads them: of several members of one name the
 * last counts, or with `first` the first two that are there. A member that the end of the bytes cuts off is not
 * seen. What is not JSON gives anything: whoever takes the batch in must parse it.
 */
export function findCredentials(bytes: Buffer, first = false): Credentials | undefined {
  let app: Span | undefined;
  let key: Span | undefined;
  let at = afterSpace(bytes, markBytes(bytes));
  if (bytes[at] !== OPEN_BRACE) return undefined;
  do {
    const name = afterSpace(bytes, at + 1);
    if (bytes[name] !== QUOTE) break;
    const nameEnd = closingQuote(bytes, name + 1);
    const colon = afterSpace(bytes, nameEnd + 1);
    if (bytes[colon] !== COLON) break;
    const start = afterSpace(bytes, colon + 1);
    const end = skipValue(bytes, start);
    if (end === start || end > bytes.length) break;
    // A value that is no string hides an earlier one.
    const text = bytes[start] === QUOTE ? { start, end } : undefined;
    if (spells(bytes, name + 1, nameEnd, APP)) app = text;
    else if (spells(bytes, name + 1, nameEnd, KEY)) key = text;
    if (first && app !== undefined && key !== undefined) break;
    at = afterSpace(bytes, end);
  } while (bytes[at] === COMMA);
  return app === undefined || key === undefined ? undefined : texts(bytes, app, key);
}

function texts(bytes: Buffer, app: Span, key: Span): Credentials | undefined {
  const [appText, keyText] = [textOf(bytes, app), textOf(bytes, key)];
  return appText === undefined || keyText === undefined ? undefined : { app: appText, key: keyText };
}

/** Whether the bytes are the word, with or without `\u` escapes. */
function spells(bytes: Buffer, at: number, end: number, word: Uint8Array): boolean {
  for (const letter of word) {
    if (bytes[at] === letter) at++;
    else if (bytes[at] === BACKSLASH && bytes[at + 1] === LOWER_U && hexAt(bytes, at + 2) === letter) at += 6;
    else return false;
  }
  return at === end;
}

/** The string that spans these bytes, quotes included. */
function textOf(bytes: Buffer, { start, end }: Span): string | undefined {
  if (!bytes.subarray(start, end).includes(BACKSLASH)) return bytes.toString('utf8', start + 1, end - 1);
  try {
    return String(JSON.parse(bytes.toString('utf8', start, end)));
  } catch {
    return undefined;
  }
}

function afterSpace(bytes: Buffer, at: number): number {
  while (at < bytes.length && isSpace(bytes[at])) at++;
  return at;
}

/** The position after the value at `at`; beyond the bytes' end where it is cut off. */
function skipValue(bytes: Buffer, at: number): number {
  let level = 0;
  for (; at < bytes.length; at++) {
    switch (bytes[at]) {
      case QUOTE:
        at = closingQuote(bytes, at + 1);
        if (level === 0) return at + 1;
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        level++;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        if (level <= 1) return level === 0 ? at : at + 1;
        level--;
        break;
      case COMMA:
        if (level === 0) return at;
        break;
    }
  }
  return bytes.length + 1;
}
