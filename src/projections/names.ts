/**
 * Names: how often each name occurred a day, and postings: for each name, who did it when.
 *
 * `name_counts`: `[app u16][type u8][day u24][block u24]` → for the names `block × 512 …` that occurred,
 * ascending: `[index u16][count u32]`.
 * `postings`: `[app u16][type u8][name u32][day u24][block u32]` → the columns
 * `[ms into the day u32 …][user u32 …][id, low u32 …][id, high u16 …]`, little-endian, in id order: posting k
 * of the day lies in block ⌊k ÷ 291⌋. The count tells where the next posting goes.
 */
import { DAY_MS } from '../domain/limits.js';
import { dayOf } from '../domain/utc.js';
import type { Env } from '../log/file/env.js';
import { put8, put16, put24, put32 } from '../log/file/keys.js';
import { appendRows, blockAfter } from './blocks.js';
import { obtain, type Projection } from './engine/projection.js';
import type { StagedTable } from './engine/stage.js';
import { BLOCK_NAMES, kindsIn, type NameSums, openCountsFold, unpackCounts } from './name-counts.js';

const POSTING_BYTES = 14;
/** What is left of a 4 KiB page for one value: ⌊4,080 ÷ 14⌋ postings. */
export const BLOCK_POSTINGS = 291;
const HIGH = 2 ** 32;

/** Columns of one block; `times` are ms into the day. */
export type Postings = ReturnType<typeof viewPostings>;

function countKey(app: number, type: number, day: number, block: number): Buffer {
  const key = Buffer.allocUnsafe(9);
  put24(key, put24(key, put8(key, put16(key, 0, app), type), day), block);
  return key;
}

function postingKey(app: number, type: number, name: number, day: number, block: number): Buffer {
  const key = Buffer.allocUnsafe(14);
  put32(key, put24(key, put32(key, put8(key, put16(key, 0, app), type), name), day), block);
  return key;
}

/** Views the columns of a stored block; copies only when the bytes do not lie on a word boundary. */
function viewPostings(value: Buffer) {
  const bytes = value.byteOffset % 4 === 0 ? value : new Uint8Array(value);
  const { buffer, byteOffset: at } = bytes;
  const length = bytes.byteLength / POSTING_BYTES;
  return {
    length,
    times: new Uint32Array(buffer, at, length),
    users: new Uint32Array(buffer, at + 4 * length, length),
    idsLow: new Uint32Array(buffer, at + 8 * length, length),
    idsHigh: new Uint16Array(buffer, at + 12 * length, length),
  };
}

/** Postings that came, in order of arrival, each linked to the next of its name, in columns used again. */
type Came = ReturnType<typeof newCame>;

const newCame = (postings: number) => ({
  length: 0,
  times: new Uint32Array(postings),
  users: new Uint32Array(postings),
  ids: new Float64Array(postings),
  next: new Uint32Array(postings),
});

/** The same with room for twice as many. */
function grow({ length, times, users, ids, next }: Came): Came {
  const grown = newCame(2 * length);
  grown.length = length;
  grown.times.set(times);
  grown.users.set(users);
  grown.ids.set(ids);
  grown.next.set(next);
  return grown;
}

/** A name's postings in `came`. */
interface Fresh {
  first: number;
  last: number;
  length: number;
}

/** One type of one app on one day: what came, by name. */
interface KindFold {
  app: number;
  type: number;
  day: number;
  names: Map<number, Fresh>;
}

/** A block's value, valid until the next; views of its memory by their length in postings. */
const blockMemory = Buffer.alloc(BLOCK_POSTINGS * POSTING_BYTES);
const blocks: { value: Buffer; columns: Postings }[] = [];

function blockOf(length: number) {
  const value = blockMemory.subarray(0, length * POSTING_BYTES);
  const block = blocks[length] ?? { value, columns: viewPostings(value) };
  blocks[length] = block;
  return block;
}

/** Stages the postings behind the `count` that are there. */
function appendPostings(
  table: StagedTable,
  came: Came,
  { app, type, day }: KindFold,
  name: number,
  count: number,
  fresh: Fresh,
): void {
  const key = postingKey(app, type, name, day, 0);
  let at = fresh.first;
  const last = blockAfter(table, key, BLOCK_POSTINGS, count);
  appendRows(table, key, BLOCK_POSTINGS, last, fresh.length, (known, from, to) => {
    const before = known === undefined ? 0 : known.length / POSTING_BYTES;
    const length = before + to - from;
    const { value, columns } = blockOf(length);
    if (known) copyPostings(columns, viewPostings(known));
    for (let row = before; row < length; row++, at = came.next[at] as number) {
      const id = came.ids[at] as number;
      columns.times[row] = came.times[at] as number;
      columns.users[row] = came.users[at] as number;
      // Not `id % HIGH`, which is a call for numbers of this size.
      const high = Math.floor(id / HIGH);
      columns.idsLow[row] = id - high * HIGH;
      columns.idsHigh[row] = high;
    }
    return value;
  });
}

function copyPostings(to: Postings, { times, users, idsLow, idsHigh }: Postings): void {
  to.times.set(times);
  to.users.set(users);
  to.idsLow.set(idsLow);
  to.idsHigh.set(idsHigh);
}

function kindOf(kinds: Map<number, KindFold>, app: number, type: number, day: number): KindFold {
  return obtain(kinds, (day * 2 ** 16 + app) * 2 ** 8 + type, () => ({ app, type, day, names: new Map() }));
}

export const names: Projection = {
  name: 'names',
  version: 1,
  tables: ['name_counts', 'postings'],
  open(stage) {
    const table = stage.table('name_counts');
    const postings = stage.table('postings');
    const kinds = new Map<number, KindFold>();
    let came = newCame(1 << 10);
    return {
      add({ app, user, offset, firstTs, count, ts, types, names }) {
        const day = dayOf(firstTs);
        const midnight = day * DAY_MS;
        const ofType: (KindFold | undefined)[] = [];
        for (let i = 0; i < count; i++) {
          const type = types[i] as number;
          const name = names[i] as number;
          const kind = ofType[type] ?? kindOf(kinds, app, type, day);
          ofType[type] = kind;
          if (came.length === came.ids.length) came = grow(came);
          const at = came.length++;
          came.times[at] = (ts[i] as number) - midnight;
          came.users[at] = user;
          came.ids[at] = offset + i;
          const fresh = kind.names.get(name);
          if (fresh === undefined) kind.names.set(name, { first: at, last: at, length: 1 });
          else {
            came.next[fresh.last] = at;
            fresh.last = at;
            fresh.length++;
          }
        }
      },
      finish() {
        for (const kind of kinds.values()) {
          const { app, type, day } = kind;
          const counts = openCountsFold(table, (block) => countKey(app, type, day, block));
          for (const [name, fresh] of kind.names) {
            appendPostings(postings, came, kind, name, counts.add(name, fresh.length), fresh);
          }
          counts.stage();
        }
        kinds.clear();
        came.length = 0;
      },
    };
  },
  dropDays(stage, fence, limit) {
    const table = stage.table('name_counts');
    for (const [app, type] of kindsIn(table)) {
      const range = { start: countKey(app, type, 0, 0), end: countKey(app, type, dayOf(fence), 0) };
      for (const { key, value } of table.range(range)) {
        if (stage.size >= limit) return;
        const day = key.readUIntBE(3, 3);
        for (const [index, count] of unpackCounts(value).entries()) {
          const name = key.readUIntBE(6, 3) * BLOCK_NAMES + index;
          for (let block = 0; block * BLOCK_POSTINGS < count; block++) {
            stage.table('postings').remove(postingKey(app, type, name, day, block));
          }
        }
        table.remove(key);
      }
    }
  },
};

export type Names = ReturnType<typeof openNames>;

export function openNames(env: Env) {
  const counts = env.table('name_counts');
  const postings = env.table('postings');
  return {
    /** Adds up how often names of a type occurred on whole days of an app; `check` is called for each row. */
    addCounts(
      sums: NameSums,
      app: number,
      type: number,
      days: { from: number; to: number },
      check: () => void,
    ): void {
      const range = { start: countKey(app, type, days.from, 0), end: countKey(app, type, days.to + 1, 0) };
      for (const { key, value } of counts.scan(range)) {
        check();
        sums.addRow(key.readUIntBE(6, 3), value);
      }
    },
    /** Blocks of a name's postings, days ascending; each valid until the next read. */
    *postings(app: number, type: number, name: number, fromDay: number, toDay: number) {
      const range = {
        start: postingKey(app, type, name, fromDay, 0),
        end: postingKey(app, type, name, toDay + 1, 0),
      };
      for (const { key, value } of postings.scan(range)) {
        yield { day: key.readUIntBE(7, 3), postings: viewPostings(value) };
      }
    },
  };
}
