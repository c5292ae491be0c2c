/**
 * Dictionaries of the log: app, user id and name ↔ dense numbers, given by first arrival, never again.
 *
 * Table `dictionary`: `[kind u8][0][utf8]` or, for texts over 255 bytes, `[kind u8][1][sha256]` → number u32;
 * `[kind u8 + 128][number u32]` → the text. The next number of each kind stands in the log's `next` row.
 */
import { createHash } from 'node:crypto';
import type { Table } from '../file/env.js';
import { prefixEnd, put8, put32, putBytes, u32 } from '../file/keys.js';

export const KINDS = ['app', 'user', 'name'] as const;
export type Kind = (typeof KINDS)[number];

const TEXT_KEY_BYTES_MAX = 255;
/** Texts remembered a kind and direction; when full, the older half goes. Long texts are not remembered. */
const CACHE_ENTRIES = 50_000;
const CACHED_TEXT_MAX = 256;

const kindByte = (kind: Kind): number => KINDS.indexOf(kind) + 1;

function textKey(kind: Kind, text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  const isLong = bytes.length > TEXT_KEY_BYTES_MAX;
  const tail = isLong ? createHash('sha256').update(bytes).digest() : bytes;
  const key = Buffer.allocUnsafe(2 + tail.length);
  putBytes(key, put8(key, put8(key, 0, kindByte(kind)), isLong ? LONG : SHORT), tail);
  return key;
}

function numberKey(kind: Kind, number: number): Buffer {
  const key = Buffer.allocUnsafe(5);
  put32(key, put8(key, 0, kindByte(kind) + 128), number);
  return key;
}

function remember<K, V>(cache: Map<K, V>, key: K, value: V, text: string): void {
  if (text.length > CACHED_TEXT_MAX) return;
  if (cache.size >= CACHE_ENTRIES) {
    for (const old of [...cache.keys()].slice(0, CACHE_ENTRIES / 2)) cache.delete(old);
  }
  cache.set(key, value);
}

export const byKind = <V>(make: () => V): Record<Kind, V> => ({ app: make(), user: make(), name: make() });

/** The first byte behind the kind in a key of a short text, and of a long one's hash. */
const SHORT = 0;
const LONG = 1;

export type Dictionaries = ReturnType<typeof openDictionaries>;

export function openDictionaries(table: Table) {
  const numbers = byKind(() => new Map<string, number>());
  const texts = byKind(() => new Map<number, string>());
  return {
    /** The number of a text, or `undefined` when it never arrived. */
    number(kind: Kind, text: string): number | undefined {
      const known = numbers[kind].get(text);
      if (known !== undefined) return known;
      const value = table.get(textKey(kind, text));
      if (!value) return undefined;
      const number = value.readUInt32BE(0);
      remember(numbers[kind], text, number, text);
      return number;
    },
    /** The text of a number; throws when the number was never given. */
    text(kind: Kind, number: number): string {
      const known = texts[kind].get(number);
      if (known !== undefined) return known;
      const value = table.get(numberKey(kind, number));
      if (!value) throw new Error(`dictionary: no ${kind} has the number ${number}`);
      const text = value.toString('utf8');
      remember(texts[kind], number, text, text);
      return text;
    },
    /** The numbers of the short texts that begin with `prefix`, in the order of the texts' bytes. */
    *inOrder(kind: Kind, prefix: string): Generator<number> {
      const start = Buffer.concat([Buffer.from([kindByte(kind), SHORT]), Buffer.from(prefix, 'utf8')]);
      if (start.length > 2 + TEXT_KEY_BYTES_MAX) return;
      for (const { value } of table.scan({ start, end: prefixEnd(start) })) yield value.readUInt32BE(0);
    },
    /** The numbers of the long texts, in no order. */
    *long(kind: Kind): Generator<number> {
      const start = Buffer.from([kindByte(kind), LONG]);
      for (const { value } of table.scan({ start, end: prefixEnd(start) })) yield value.readUInt32BE(0);
    },
    /** Remembers a new text and its number, which saves a look-up. */
    learn(kind: Kind, number: number, text: string): void {
      remember(numbers[kind], text, number, text);
      remember(texts[kind], number, text, text);
    },
  };
}

/** Inside a transaction: adds a text under the number it was given. */
export function putText(table: Table, kind: Kind, number: number, text: string): void {
  table.put(textKey(kind, text), u32(number));
  table.put(numberKey(kind, number), Buffer.from(text, 'utf8'));
}

/** The texts of a kind whose numbers are in a range, `end` excluded, ascending. */
export function* textsFrom(table: Table, kind: Kind, start: number, end: number) {
  const range = { start: numberKey(kind, start), end: numberKey(kind, end) };
  for (const { key, value } of table.range(range))
    yield { number: key.readUInt32BE(1), text: value.toString('utf8') };
}

/** Inside a transaction: forgets a text for good. Readers opened before may remember it. */
export function forgetText(table: Table, kind: Kind, text: string, number: number): void {
  table.remove(textKey(kind, text));
  table.remove(numberKey(kind, number));
}
