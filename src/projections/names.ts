/**
 * Names: how often each name occurred a day, and postings: for each name, who did it when.
 *
 * `name_counts`: `[app u16][type u8][day u24][block u24]` → for the names `block × 512 …` that occurred, ascending:
 * `[index u16][count u32]`. `postings`: `[app u16][type u8][name u32][day u24][block u32]` → the columns
 * `[ms into the day u32 …][user u32 …][id, low u32 …][id, high u16 …]`, little-endian, in id order: posting k of the day lies
 * in block ⌊k ÷ 291⌋, so that a block fits one 4 KiB page. The count tells where the next posting goes.
 */
import { DAY_MS } from '../limits.js';
import type { Env } from '../log/env.js';
import { put8, put16, put24, put32 } from '../log/keys.js';
import type { RecordBatch } from '../log/record-batch.js';
import { dayOf } from './days.js';
import { BLOCK_NAMES, kindsIn, type NameSums, openCountsFold, unpackCounts } from './name-counts.js';
import { obtain, type Projection, type Stage } from './projection.js';

const POSTING_BYTES = 14;
/** What is left of a 4 KiB page for one value: ⌊4,080 ÷ 14⌋ postings. */
export const BLOCK_POSTINGS = 291;
const HIGH = 2 ** 32;

/** Columns of one block; `times` are ms into the day. */
export interface Postings {
  length: number;
  times: Uint32Array;
  users: Uint32Array;
  idsLow: Uint32Array;
  idsHigh: Uint16Array;
}

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
export function viewPostings(value: Buffer): Postings {
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

interface Fresh {
  times: number[];
  users: number[];
  ids: number[];
}

function packPostings(known: Buffer | undefined, fresh: Fresh, from: number, to: number): Buffer {
  const before = known ? known.length / POSTING_BYTES : 0;
  const length = before + to - from;
  const value = Buffer.allocUnsafe(length * POSTING_BYTES);
  const { times, users, idsLow, idsHigh } = viewPostings(value);
  if (known) {
    const old = viewPostings(known);
    times.set(old.times);
    users.set(old.users);
    idsLow.set(old.idsLow);
    idsHigh.set(old.idsHigh);
  }
  for (let i = from; i < to; i++) {
    const at = before + i - from;
    const id = fresh.ids[i] as number;
    times[at] = fresh.times[i] as number;
    users[at] = fresh.users[i] as number;
    idsLow[at] = id % HIGH;
    idsHigh[at] = Math.floor(id / HIGH);
  }
  return value;
}

/** One type of one app on one day: what came, by name. */
interface KindFold {
  app: number;
  type: number;
  day: number;
  names: Map<number, Fresh>;
}

function group(batches: readonly RecordBatch[]): Iterable<KindFold> {
  const kinds = new Map<string, KindFold>();
  for (const { app, user, offset, firstTs, ts, types, names } of batches) {
    const day = dayOf(firstTs);
    const midnight = day * DAY_MS;
    const ofType: (KindFold | undefined)[] = [];
    for (let i = 0; i < ts.length; i++) {
      const type = types[i] as number;
      const name = names[i] as number;
      let kind = ofType[type];
      if (kind === undefined) {
        kind = obtain(kinds, `${app}/${type}/${day}`, () => ({ app, type, day, names: new Map() }));
        ofType[type] = kind;
      }
      let fresh = kind.names.get(name);
      if (fresh === undefined) {
        fresh = { times: [], users: [], ids: [] };
        kind.names.set(name, fresh);
      }
      fresh.times.push((ts[i] as number) - midnight);
      fresh.users.push(user);
      fresh.ids.push(offset + i);
    }
  }
  return kinds.values();
}

/** Stages the postings behind the `count` that are there. */
function appendPostings(
  stage: Stage,
  { app, type, day }: KindFold,
  name: number,
  count: number,
  fresh: Fresh,
): void {
  const postings = stage.table('postings');
  for (let at = 0; at < fresh.ids.length; ) {
    const total = count + at;
    const key = postingKey(app, type, name, day, Math.floor(total / BLOCK_POSTINGS));
    const filled = total % BLOCK_POSTINGS;
    const to = Math.min(fresh.ids.length, at + BLOCK_POSTINGS - filled);
    postings.put(key, packPostings(filled === 0 ? undefined : postings.get(key), fresh, at, to));
    at = to;
  }
}

export const names: Projection = {
  name: 'names',
  version: 1,
  tables: ['name_counts', 'postings'],
  fold(stage, batches) {
    const table = stage.table('name_counts');
    for (const kind of group(batches)) {
      const { app, type, day } = kind;
      const counts = openCountsFold(table, (block) => countKey(app, type, day, block));
      for (const [name, fresh] of kind.names) {
        appendPostings(stage, kind, name, counts.add(name, fresh.ids.length), fresh);
      }
      counts.stage();
    }
  },
  dropDays(stage, fence, limit) {
    const table = stage.table('name_counts');
    for (const [app, type] of kindsIn(table)) {
      const range = { start: countKey(app, type, 0, 0), end: countKey(app, type, dayOf(fence), 0) };
      for (const { key, value } of table.range(range)) {
        if (stage.size >= limit) return;
        const day = key.readUIntBE(3, 3);
        for (const [index, count] of unpackCounts(value)) {
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

export interface Names {
  /** Adds up how often names of a type occurred on whole days of an app. */
  addCounts(sums: NameSums, app: number, type: number, fromDay: number, toDay: number): void;
  /** Blocks of a name's postings, days ascending. */
  postings(
    app: number,
    type: number,
    name: number,
    fromDay: number,
    toDay: number,
  ): Generator<{ day: number; postings: Postings }>;
}

export function openNames(env: Env): Names {
  const counts = env.table('name_counts');
  const postings = env.table('postings');
  return {
    addCounts(sums, app, type, fromDay, toDay) {
      const range = { start: countKey(app, type, fromDay, 0), end: countKey(app, type, toDay + 1, 0) };
      for (const { key, value } of counts.range(range)) {
        sums.addRow(key.readUIntBE(6, 3), value);
      }
    },
    *postings(app, type, name, fromDay, toDay) {
      const range = {
        start: postingKey(app, type, name, fromDay, 0),
        end: postingKey(app, type, name, toDay + 1, 0),
      };
      for (const { key, value } of postings.range(range)) {
        yield { day: key.readUIntBE(7, 3), postings: viewPostings(value) };
      }
    },
  };
}
