/** Rows of a view read from their bytes, by the layout that a spec states, and by nothing of the view's own code. */
import assert from 'node:assert/strict';
import { DAY_MS } from '../../src/domain/limits.js';
import { type Env, openEnv } from '../../src/log/file/env.js';

const YEAR = 2026;
/** The day of times that name none: 14 June, a Sunday. */
const TODAY = '06-14';

/** A time written `10:00`, `10:00:59.999` or `06-15 00:00`, in Unix ms. */
export function timeOf(text: string): number {
  const [time = '', date = TODAY] = text.split(' ').reverse();
  return Date.parse(`${YEAR}-${date}T${time.length === 5 ? `${time}:00` : time}Z`);
}

/** The same the other way round; a time of another year in full. */
export function clock(ts: number): string {
  const [date = '', time = ''] = new Date(ts).toISOString().slice(0, -1).split('T');
  if (!date.startsWith(`${YEAR}-`)) return `${date} ${time}`;
  const short = time.replace(/(:00)?\.000$/, '');
  return date === `${YEAR}-${TODAY}` ? short : `${date.slice(5)} ${short}`;
}

/** A day since 1970 as `06-14`. */
export const dayOf = (day: number): string => new Date(day * DAY_MS).toISOString().slice(5, 10);

/** The bytes of a key or value, read from the front: numbers of so many bytes, big-endian or little-endian, and texts. */
export class Bytes {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  get left(): number {
    return this.#bytes.length - this.#at;
  }
  be(bytes: number): number {
    this.#at += bytes;
    return this.#bytes.readUIntBE(this.#at - bytes, bytes);
  }
  le(bytes: number): number {
    this.#at += bytes;
    return this.#bytes.readUIntLE(this.#at - bytes, bytes);
  }
  /** A column of little-endian numbers. */
  column(length: number, bytes: number): number[] {
    return Array.from({ length }, () => this.le(bytes));
  }
  text(bytes = this.left): string {
    this.#at += bytes;
    return this.#bytes.toString('utf8', this.#at - bytes, this.#at);
  }
  hex(bytes: number): string {
    this.#at += bytes;
    return this.#bytes.toString('hex', this.#at - bytes, this.#at);
  }
}

/** The texts that the log's dictionaries gave numbers to. */
export interface Texts {
  app(number: number): string;
  user(number: number): string;
  name(number: number): string;
}

/** Layout of `dictionary`: `[kind u8 + 128][number u32]` → text. */
function textsIn(env: Env): Texts {
  // Opened before any cursor, which does not outlive that.
  const dictionary = env.table('dictionary');
  const text = (kind: number) => (number: number) => {
    const key = Buffer.from([kind + 128, number >>> 24, number >>> 16, number >>> 8, number]);
    const value = dictionary.get(key);
    assert.ok(value, `number ${number} of kind ${kind} has a text`);
    return value.toString();
  };
  return { app: text(1), user: text(2), name: text(3) };
}

/** Reads a row whole. */
type Decode = (key: Bytes, value: Bytes, texts: Texts) => object;
export type Layout = Record<string, Decode>;
/** What each table of a layout holds. */
export type Rows<L extends Layout> = { [Table in keyof L]: ReturnType<L[Table]>[] };

/** The rows of the tables that the layout names, in the order of their keys. */
export function rowsIn<L extends Layout>(dataDir: string, layout: L): Promise<Rows<L>> {
  const env = openEnv(dataDir, { mode: 'read' });
  const texts = textsIn(env);
  const rowsOf = (table: string, decode: Decode) =>
    Array.from(env.table(table).range({}), (entry) => {
      const [key, value] = [new Bytes(entry.key), new Bytes(entry.value)];
      const row = decode(key, value, texts);
      assert.deepEqual([key.left, value.left], [0, 0], `a row of ${table} is longer than its layout`);
      return row;
    });
  const rows = Object.entries(layout).map(([table, decode]) => [table, rowsOf(table, decode)]);
  return env.close().then(() => Object.fromEntries(rows) as Rows<L>);
}
