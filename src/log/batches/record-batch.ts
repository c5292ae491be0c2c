/**
 * The record batch: a run of events of one (app, user, session), stored as one value with columns.
 *
 * Value, numbers big-endian: `[format u8][crc32 of the rest u32]`, then the columns every fold reads,
 *   `[app u16][user u32][events n u16][flags u8][least ts u48][session bytes u16][session utf8]`
 *   `[ts − least ts, u16 × n][type codes, u8 × n or × 1][name numbers, u32 × n or × 1]`,
 * then, where an event has any of them, a msgpack array of what only readers need:
 *   0 urls, 1 lengths of props texts, 2 the props texts joined, 3 people, 4 client_ts.
 * A column of one value stands for n alike; a nil in the array for a column nobody has. Event i has id
 * `offset + i`. Every format ever released stays readable here.
 */
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { Unpackr } from 'msgpackr';
import { EVENT_TYPES, type JsonText, type Person, type StoredEvent } from '../../domain/event.js';
import { BATCH_EVENTS_MAX, BATCH_SPAN_MS } from '../../domain/limits.js';
import { readU32, readU48 } from '../file/keys.js';
import type { Kind } from './dictionaries.js';

export const FORMAT = 1;
export const CHECKSUM_BYTES = 5;
const FIXED_BYTES = 17;
export const ONE_TYPE = 1;
export const ONE_NAME = 2;
export const HAS_DETAILS = 4;
export const HAS_PEOPLE = 8;
/** The text that a number of the dictionaries stands for. */
export type TextOf = (kind: Kind, number: number) => string;

const unpackr = new Unpackr({ useRecords: false });

assert(BATCH_SPAN_MS < 2 ** 16 && BATCH_EVENTS_MAX < 2 ** 16, 'a batch fits its columns');

/** What only readers of whole events need, an entry an event; `null` for a column nobody has. */
interface Details {
  urls: readonly (string | null)[] | null;
  props: readonly (JsonText | null)[] | null;
  people: readonly (Person | null)[] | null;
  clientTs: readonly (number | null)[] | null;
}

/** A batch of its own, for as long as anybody wants it. */
export type RecordBatch = Readonly<Omit<BatchReader, 'read'>>;

/** A batch as a fold sees it, valid until the next. Its columns mean nothing beyond `count` events. */
export type BatchView = Readonly<Omit<RecordBatch, 'ts' | 'types' | 'names'>> & {
  readonly [Column in 'ts' | 'types' | 'names']: ArrayLike<number>;
};

/** One bit an event type in the batch, so that a filtered scan can pass over a batch without decoding it. */
export function typeMask({ types, count }: BatchView): number {
  let mask = 0;
  for (let i = 0; i < count; i++) mask |= 1 << (types[i] as number);
  return mask;
}

/** A stored batch that cannot be what was written: damage, or a format of a newer release. */
export class DamagedBatch extends Error {
  override name = 'DamagedBatch';
}

type PackedDetails = [
  urls: (string | null)[] | null,
  propsLengths: number[] | null,
  propsText: string | null,
  people: ([string | null, string | null] | null)[] | null,
  clientTs: (number | null)[] | null,
];

/** Reads a stored value back; throws `DamagedBatch` when its checksum does not hold. */
export function decodeBatch(value: Buffer, offset: number, textOf: TextOf): RecordBatch {
  checkValue(value, offset);
  const batch = new BatchReader(textOf, countIn(value));
  batch.read(value, 0, value.length, offset);
  return batch;
}

/** Throws `DamagedBatch`. */
export function checkValue(value: Buffer, offset: number): void {
  if (value.length < CHECKSUM_BYTES + FIXED_BYTES) throw new DamagedBatch(`batch at ${offset}: cut short`);
  if (value[0] !== FORMAT) throw new DamagedBatch(`batch at ${offset}: unknown format ${value[0]}`);
  if (crc32(value.subarray(CHECKSUM_BYTES)) !== value.readUInt32BE(1))
    throw new DamagedBatch(`batch at ${offset}: checksum does not hold`);
}

/** How many events the value at `start` holds. */
export const countIn = (bytes: Buffer, start = 0): number => bytes.readUInt16BE(start + 11);

/**
 * A batch to read values into, one after the other, whose checksums are known to hold. A class, since its
 * texts and details are made only when asked for: most folds want few of them.
 */
export class BatchReader {
  /** Id of the first event. */
  offset = 0;
  app = 0;
  user = 0;
  firstTs = 0;
  lastTs = 0;
  /** Whether no event is earlier than the one before it. */
  isAscending = true;
  count = 0;
  /** Whether any event tells who its user is. */
  hasPeople = false;
  /** What it takes as a value, before compression. */
  bytes = 0;
  readonly ts: Float64Array;
  readonly types: Uint8Array;
  readonly names: Uint32Array;
  readonly #textOf: TextOf;
  #value: Buffer = NOTHING;
  #sessionAt = 0;
  #session: string | undefined;
  #detailsAt = 0;
  #end = 0;
  #details: Details | undefined;

  constructor(textOf: TextOf, events = BATCH_EVENTS_MAX) {
    this.ts = new Float64Array(events);
    this.types = new Uint8Array(events);
    this.names = new Uint32Array(events);
    this.#textOf = textOf;
  }

  read(value: Buffer, start: number, end: number, offset: number): void {
    const { ts, types, names } = this;
    const count = countIn(value, start);
    const flags = value[start + 13] as number;
    const firstTs = readU48(value, start + 14);
    let at = start + CHECKSUM_BYTES + FIXED_BYTES;
    this.#sessionAt = at;
    at += ((value[at - 2] as number) << 8) | (value[at - 1] as number);
    let lastTs = firstTs;
    let isAscending = true;
    for (let i = 0; i < count; i++, at += 2) {
      const time = firstTs + (((value[at] as number) << 8) | (value[at + 1] as number));
      ts[i] = time;
      if (time >= lastTs) lastTs = time;
      else isAscending = false;
    }
    const typeStep = flags & ONE_TYPE ? 0 : 1;
    for (let i = 0; i < count; i++) types[i] = value[at + i * typeStep] as number;
    at += typeStep === 0 ? 1 : count;
    const nameStep = flags & ONE_NAME ? 0 : 4;
    for (let i = 0; i < count; i++) names[i] = readU32(value, at + i * nameStep);
    at += nameStep === 0 ? 4 : count * 4;

    this.offset = offset;
    this.app = value.readUInt16BE(start + 5);
    this.user = readU32(value, start + 7);
    this.firstTs = firstTs;
    this.lastTs = lastTs;
    this.isAscending = isAscending;
    this.count = count;
    this.hasPeople = (flags & HAS_PEOPLE) !== 0;
    this.bytes = end - start;
    this.#value = value;
    this.#session = undefined;
    this.#detailsAt = at;
    this.#end = end;
    this.#details = flags & HAS_DETAILS ? undefined : NO_DETAILS;
  }

  get userId(): string {
    return this.#textOf('user', this.user);
  }

  get session(): string {
    if (this.#session === undefined) {
      const bytes = this.#value.readUInt16BE(this.#sessionAt - 2);
      this.#session = this.#value.toString('utf8', this.#sessionAt, this.#sessionAt + bytes);
    }
    return this.#session;
  }

  nameOf(index: number): string {
    return this.#textOf('name', this.names[index] ?? 0);
  }

  /** Decoded when first asked for. */
  details(): Details {
    this.#details ??= unpackDetails(this.#value.subarray(this.#detailsAt, this.#end));
    return this.#details;
  }

  propsOf(index: number): JsonText | null {
    return this.details().props?.[index] ?? null;
  }
}

const NOTHING = Buffer.alloc(0);
const NO_DETAILS: Details = { urls: null, props: null, people: null, clientTs: null };

function unpackDetails(bytes: Buffer): Details {
  const [urls, lengths, text, people, clientTs] = unpackr.unpack(bytes) as PackedDetails;
  return { urls, props: splitTexts(text, lengths), people: people?.map(toPerson) ?? null, clientTs };
}

function splitTexts(text: string | null, lengths: readonly number[] | null): (JsonText | null)[] | null {
  if (text === null || lengths === null) return null;
  let at = 0;
  return lengths.map((length) => {
    if (length < 0) return null;
    const part = text.slice(at, at + length);
    at += length;
    return part as JsonText;
  });
}

function toPerson(pair: [string | null, string | null] | null): Person | null {
  if (!pair) return null;
  const [name, email] = pair;
  return { ...(name === null ? {} : { name }), ...(email === null ? {} : { email }) };
}

/** Event `index` of a batch of an app. */
export function toEvent(batch: RecordBatch, index: number, app: string): StoredEvent {
  const { urls, props, people, clientTs } = batch.details();
  const url = urls?.[index];
  const text = props?.[index];
  const user = people?.[index];
  const client_ts = clientTs?.[index];
  return {
    id: batch.offset + index,
    ts: batch.ts[index] ?? batch.firstTs,
    app,
    user_id: batch.userId,
    session_id: batch.session,
    type: EVENT_TYPES[batch.types[index] ?? 0] ?? 'event',
    name: batch.nameOf(index),
    ...(url == null ? {} : { url }),
    ...(text == null ? {} : { props: text }),
    ...(user == null ? {} : { user }),
    ...(client_ts == null ? {} : { client_ts }),
  };
}
