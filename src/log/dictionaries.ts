/**
 * Dictionaries of the log: app, user id and name ↔ dense numbers, given in order of first arrival, never given again.
 *
 * Table `dictionary`: `[kind u8][0][utf8]` or, for texts over 255 bytes, `[kind u8][1][sha256]` → number u32;
 * `[kind u8 + 128][number u32]` → the text. The next number of each kind stands in the log's `next` row.
 */
import { createHash } from 'node:crypto';
import type { Table } from './env.js';
import { packKey } from './keys.js';

export const KINDS = ['app', 'user', 'name'] as const;
export type Kind = (typeof KINDS)[number];

const TEXT_KEY_BYTES_MAX = 255;
/** Texts remembered a kind and direction; the older half goes when it is full. Long ones are looked up each time. */
const CACHE_ENTRIES = 50_000;
const CACHED_TEXT_MAX = 256;

const kindByte = (kind: Kind): number => KINDS.indexOf(kind) + 1;

function textKey(kind: Kind, text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= TEXT_KEY_BYTES_MAX)
    return packKey(
      [
        [kindByte(kind), 1],
        [0, 1],
      ],
      bytes,
    );
  return packKey(
    [
      [kindByte(kind), 1],
      [1, 1],
    ],
    createHash('sha256').update(bytes).digest(),
  );
}

const numberKey = (kind: Kind, number: number): Buffer =>
  packKey([
    [kindByte(kind) + 128, 1],
    [number, 4],
  ]);

export interface DictionaryReader {
  /** The number of a text, or `undefined` when it never arrived. */
  number(kind: Kind, text: string): number | undefined;
  /** The text of a number; throws when the number was never given. */
  text(kind: Kind, number: number): string;
}

function remember<K, V>(cache: Map<K, V>, key: K, value: V, text: string): void {
  if (text.length > CACHED_TEXT_MAX) return;
  if (cache.size >= CACHE_ENTRIES) {
    for (const old of [...cache.keys()].slice(0, CACHE_ENTRIES / 2)) cache.delete(old);
  }
  cache.set(key, value);
}

const byKind = <V>(make: () => V): Record<Kind, V> => ({ app: make(), user: make(), name: make() });

export function openDictionaries(table: Table): DictionaryReader {
  const numbers = byKind(() => new Map<string, number>());
  const texts = byKind(() => new Map<number, string>());
  return {
    number(kind, text) {
      const known = numbers[kind].get(text);
      if (known !== undefined) return known;
      const value = table.get(textKey(kind, text));
      if (!value) return undefined;
      const number = value.readUInt32BE(0);
      remember(numbers[kind], text, number, text);
      return number;
    },
    text(kind, number) {
      const known = texts[kind].get(number);
      if (known !== undefined) return known;
      const value = table.get(numberKey(kind, number));
      if (!value) throw new Error(`dictionary: no ${kind} has the number ${number}`);
      const text = value.toString('utf8');
      remember(texts[kind], number, text, text);
      return text;
    },
  };
}

/** Gives out numbers for one commit: nothing counts before `write`, and `rollback` forgets back to a mark. */
export interface DictionaryCommit {
  assign(kind: Kind, text: string): number;
  mark(): number;
  rollback(mark: number): void;
  /** Inside the commit's transaction. */
  write(): void;
  /** The next number of each kind after this commit. */
  next(): Record<Kind, number>;
}

export function beginDictionaryCommit(
  table: Table,
  reader: DictionaryReader,
  next: Readonly<Record<Kind, number>>,
): DictionaryCommit {
  const fresh: { kind: Kind; text: string; number: number }[] = [];
  const given = byKind(() => new Map<string, number>());
  const upcoming = { app: next.app, user: next.user, name: next.name };
  return {
    assign(kind, text) {
      const number = given[kind].get(text) ?? reader.number(kind, text);
      if (number !== undefined) return number;
      const assigned = upcoming[kind]++;
      given[kind].set(text, assigned);
      fresh.push({ kind, text, number: assigned });
      return assigned;
    },
    mark: () => fresh.length,
    rollback(mark) {
      for (const { kind, text, number } of fresh.splice(mark).reverse()) {
        given[kind].delete(text);
        upcoming[kind] = number;
      }
    },
    write() {
      for (const { kind, text, number } of fresh) {
        const value = Buffer.allocUnsafe(4);
        value.writeUInt32BE(number, 0);
        table.put(textKey(kind, text), value);
        table.put(numberKey(kind, number), Buffer.from(text, 'utf8'));
      }
    },
    next: () => upcoming,
  };
}
