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
/** Days with errors of the app that are looked at for the next of a group: a century's, a fifth of a second. */
const BESIDE_DAYS_MAX = 36_525;

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

/** The occurrences of one block, in the memory of its row: valid until the next read. */
export interface OccurrenceBlock {
  group: ErrorGroup;
  midnight: number;
  value: Buffer;
}

export const rowsOf = ({ value }: OccurrenceBlock): number => value.length / ROW_BYTES;
export const occurrenceTs = ({ midnight, value }: OccurrenceBlock, row: number): number =>
  midnight + value.readUInt32LE(row * ROW_BYTES);
export const occurrenceUser = ({ value }: OccurrenceBlock, row: number): number =>
  value.readUInt32LE(row * ROW_BYTES + 4);
export const occurrenceId = ({ value }: OccurrenceBlock, row: number): number =>
  value.readUIntLE(row * ROW_BYTES + 8, 6);

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
/** Later or earlier, and what to call now and then. */
interface Way {
  sign: 1 | -1;
  check: () => void;
}
export type ErrorGroups = ReturnType<typeof openErrorGroups>;

export function openErrorGroups(env: Env) {
  const table = env.table('error_groups');

  /**
   * The days on which the group has something: a seek for each day on which its app has anything. `check`
   * is called for each.
   */
  function* daysOf(
    group: ErrorGroup,
    fromDay: number,
    toDay: number,
    check: () => void,
    seeksMax = Number.POSITIVE_INFINITY,
  ): Generator<{ day: number; blocks: Iterable<Entry> }> {
    const step = fromDay > toDay ? -1 : 1;
    let seeks = 0;
    for (let day = fromDay; (toDay - day) * step >= 0 && seeks < seeksMax; seeks++) {
      check();
      const start = groupKey(group, day);
      const range: Range =
        step === 1
          ? { start, end: dayKey(group.app, toDay + 1), limit: 1 }
          : { start: prefixEnd(start), end: dayKey(group.app, toDay), reverse: true, limit: 1 };
      const [key]: Buffer[] = [...table.keys(range)];
      if (key === undefined) return;
      const found = parseKey(key);
      const isPassed = step === 1 ? found.group.hash > group.hash : found.group.hash < group.hash;
      if (found.day === day && found.group.hash === group.hash) {
        yield { day, blocks: table.scan({ start, end: prefixEnd(start) }) };
        day += step;
      } else if (found.day === day || isPassed) day = found.day + step;
      else day = found.day;
    }
  }

  const beside = (group: ErrorGroup, position: Position, toDay: number, way: Way): number | undefined => {
    const days = daysOf(group, dayOf(position.ts), toDay, way.check, BESIDE_DAYS_MAX);
    for (const { day, blocks } of days) {
      const nearest = nearestOn(day * DAY_MS, blocks, position, way);
      if (nearest) return nearest.id;
    }
    return undefined;
  };

  return {
    /** Blocks of every group of an app on the days from one to the other, both inclusive. */
    *scan(app: number, fromDay: number, toDay: number): Generator<OccurrenceBlock> {
      const range = { start: dayKey(app, fromDay), end: dayKey(app, toDay + 1) };
      for (const { key, value } of table.scan(range)) {
        const { group, day } = parseKey(key);
        yield { group, midnight: day * DAY_MS, value };
      }
    },
    /** A group's blocks, a day at a time; days descend where `fromDay` is the later one. */
    *days(group: ErrorGroup, fromDay: number, toDay: number, check: () => void) {
      for (const { day, blocks } of daysOf(group, fromDay, toDay, check))
        yield blocksOn(group, day * DAY_MS, blocks);
    },
    /**
     * The id of the occurrence next to a position by `(ts, id)`, on days up to and with `toDay`, if that is
     * within `BESIDE_DAYS_MAX` days on which the app has errors.
     */
    next: (group: ErrorGroup, position: Position, toDay: number, check: () => void) =>
      beside(group, position, toDay, { sign: 1, check }),
    previous: (group: ErrorGroup, position: Position, toDay: number, check: () => void) =>
      beside(group, position, toDay, { sign: -1, check }),
  };
}

/** A day can have very many: reads whole only what may be nearer than the nearest so far. */
function nearestOn(midnight: number, blocks: Iterable<Entry>, position: Position, { sign, check }: Way) {
  const isFurther = (a: Position, b: Position): boolean => sign * (a.ts - b.ts || a.id - b.id) > 0;
  let nearest: Position | undefined;
  for (const { value } of blocks) {
    check();
    for (let at = 0; at < value.length; at += ROW_BYTES) {
      const ts = midnight + value.readUInt32LE(at);
      if (sign * (ts - position.ts) < 0 || (nearest && sign * (ts - nearest.ts) > 0)) continue;
      const row = { ts, id: value.readUIntLE(at + 8, 6) };
      if (isFurther(row, position) && (!nearest || isFurther(nearest, row))) nearest = row;
    }
  }
  return nearest;
}

function* blocksOn(group: ErrorGroup, midnight: number, blocks: Iterable<Entry>): Generator<OccurrenceBlock> {
  for (const { value } of blocks) yield { group, midnight, value };
}
