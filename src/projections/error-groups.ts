/**
 * Error groups: which errors share a message and a top stack frame, and who met them when.
 *
 * `error_groups`: `[app u16][day u24][hash of name and frame, 12 bytes][block u32]` → a row an occurrence, in
 * id order: `[ms into the day u32][user u32][id u48]`, little-endian. The hash is of texts, not numbers, so
 * that a group's id outlives an export. Row k of the day lies in block ⌊k ÷ 285⌋. Days come first: a range is
 * one scan, and retention drops whole days.
 */
import { frameOf, groupHash } from '../domain/error-grouping.js';
import { EVENT_TYPES } from '../domain/event.js';
import { DAY_MS } from '../domain/limits.js';
import { dayOf } from '../domain/utc.js';
import type { BatchView } from '../log/batches/record-batch.js';
import type { Entry, Env, Range } from '../log/file/env.js';
import { prefixEnd, u32 } from '../log/file/keys.js';
import { appendRows, lastBlock } from './blocks.js';
import { dayKey } from './days.js';
import { obtain, type Projection } from './engine/projection.js';
import { removeBefore } from './engine/stage.js';

const ERROR = EVENT_TYPES.indexOf('error');
const ROW_BYTES = 14;
/** What is left of a 4 KiB page for one value: ⌊4,000 ÷ 14⌋ rows. */
export const BLOCK_ROWS = 285;

/** What the occurrences of a group have in common. */
export interface ErrorGroup {
  app: number;
  /** Of name and frame, in hex. */
  hash: string;
}

export interface Occurrence {
  ts: number;
  user: number;
  id: number;
}

const groupKey = ({ app, hash }: ErrorGroup, day: number): Buffer =>
  Buffer.concat([dayKey(app, day), Buffer.from(hash, 'hex')]);

const rowsIn = (value: Buffer): number => value.length / ROW_BYTES;

function parseKey(key: Buffer): { group: ErrorGroup; day: number } {
  return { group: { app: key.readUInt16BE(0), hash: key.toString('hex', 5, 17) }, day: key.readUIntBE(2, 3) };
}

/** The group of an event of type `error`. */
export function groupOf(batch: BatchView, index: number): ErrorGroup {
  return { app: batch.app, hash: groupHash(batch.nameOf(index), frameOf(batch.propsOf(index))) };
}

function packRows(known: Buffer | undefined, fresh: readonly Occurrence[], midnight: number): Buffer {
  const before = known?.length ?? 0;
  const value = Buffer.allocUnsafe(before + fresh.length * ROW_BYTES);
  if (known) value.set(known);
  let at = before;
  for (const { ts, user, id } of fresh) {
    at = value.writeUInt32LE(ts - midnight, at);
    at = value.writeUInt32LE(user, at);
    at = value.writeUIntLE(id, at, 6);
  }
  return value;
}

function* unpackRows(value: Buffer, midnight: number): Generator<Occurrence> {
  for (let at = 0; at < value.length; at += ROW_BYTES) {
    yield {
      ts: midnight + value.readUInt32LE(at),
      user: value.readUInt32LE(at + 4),
      id: value.readUIntLE(at + 8, 6),
    };
  }
}

interface Fold {
  /** Of the first block. */
  key: Buffer;
  midnight: number;
  fresh: Occurrence[];
}

/** By day and app, and within by the group's hash. */
type Folds = Map<number, Map<string, Fold>>;

/** Adds a batch's errors to those of their groups and days. */
function addErrors(folds: Folds, batch: BatchView): void {
  const { app, offset, user, firstTs, count, ts, types } = batch;
  for (let i = 0; i < count; i++) {
    if (types[i] !== ERROR) continue;
    const day = dayOf(firstTs);
    const group = groupOf(batch, i);
    const groups = obtain(folds, day * 2 ** 16 + app, () => new Map<string, Fold>());
    const fold = obtain(groups, group.hash, () => ({
      key: Buffer.concat([groupKey(group, day), u32(0)]),
      midnight: day * DAY_MS,
      fresh: [],
    }));
    fold.fresh.push({ ts: ts[i] as number, user, id: offset + i });
  }
}

export const errorGroups: Projection = {
  name: 'error-groups',
  version: 2,
  tables: ['error_groups'],
  open(stage) {
    const table = stage.table('error_groups');
    const folds: Folds = new Map();
    return {
      add: (batch) => addErrors(folds, batch),
      finish() {
        const all = [...folds.values()].flatMap((groups) => [...groups.values()]);
        for (const { key, midnight, fresh } of all) {
          appendRows(
            table,
            key,
            BLOCK_ROWS,
            lastBlock(table, key, BLOCK_ROWS, rowsIn),
            fresh.length,
            (known, from, to) => packRows(known, fresh.slice(from, to), midnight),
          );
        }
        folds.clear();
      },
    };
  },
  dropDays(stage, fence, limit) {
    removeBefore(stage, 'error_groups', (app) => dayKey(app, dayOf(fence)), limit);
  },
};

type Position = Pick<Occurrence, 'ts' | 'id'>;
export type ErrorGroups = ReturnType<typeof openErrorGroups>;

export function openErrorGroups(env: Env) {
  const table = env.table('error_groups');

  /** The days on which any group of the app has something; seeks pass over the others. */
  function* daysOf(app: number, fromDay: number, toDay: number): Generator<number> {
    const descending = fromDay > toDay;
    for (let day: number | undefined = fromDay; day !== undefined; ) {
      yield day;
      const range: Range = descending
        ? { start: dayKey(app, day), end: dayKey(app, toDay), reverse: true, limit: 1 }
        : { start: dayKey(app, day + 1), end: dayKey(app, toDay + 1), limit: 1 };
      const [key]: Buffer[] = [...table.keys(range)];
      day = key && parseKey(key).day;
    }
  }

  const blocksOn = (group: ErrorGroup, day: number): Iterable<Entry> => {
    const prefix = groupKey(group, day);
    return table.range({ start: prefix, end: prefixEnd(prefix) });
  };

  /** A day can have very many: reads whole only what may be nearer than the nearest so far. */
  const beside = (group: ErrorGroup, position: Position, toDay: number, sign: 1 | -1) => {
    const isFurther = (a: Position, b: Position): boolean => sign * (a.ts - b.ts || a.id - b.id) > 0;
    for (const day of daysOf(group.app, dayOf(position.ts), toDay)) {
      let nearest: Position | undefined;
      for (const { value } of blocksOn(group, day)) {
        for (let at = 0; at < value.length; at += ROW_BYTES) {
          const ts = day * DAY_MS + value.readUInt32LE(at);
          if (sign * (ts - position.ts) < 0 || (nearest && sign * (ts - nearest.ts) > 0)) continue;
          const row = { ts, id: value.readUIntLE(at + 8, 6) };
          if (isFurther(row, position) && (!nearest || isFurther(nearest, row))) nearest = row;
        }
      }
      if (nearest) return nearest.id;
    }
    return undefined;
  };

  return {
    /** Blocks of occurrences of every group of an app on the days from one to the other, both inclusive. */
    *scan(app: number, fromDay: number, toDay: number) {
      const range = { start: dayKey(app, fromDay), end: dayKey(app, toDay + 1) };
      for (const { key, value } of table.range(range)) {
        const { group, day } = parseKey(key);
        yield { group, rows: unpackRows(value, day * DAY_MS) };
      }
    },
    /** A group's occurrences a day, in id order; days descend where `fromDay` is the later one. */
    *days(group: ErrorGroup, fromDay: number, toDay: number) {
      for (const day of daysOf(group.app, fromDay, toDay)) {
        const rows: Occurrence[] = [];
        for (const { value } of blocksOn(group, day)) rows.push(...unpackRows(value, day * DAY_MS));
        if (rows.length > 0) yield rows;
      }
    },
    /** The id of the occurrence next to a position by `(ts, id)`, on days up to and with `toDay`. */
    next: (group: ErrorGroup, position: Position, toDay: number) => beside(group, position, toDay, 1),
    previous: (group: ErrorGroup, position: Position, toDay: number) => beside(group, position, toDay, -1),
  };
}
