/**
 * The record batch: a run of consecutive events of one (app, user, session), stored as one value with columns.
 *
 * Value, numbers big-endian: `[format u8][crc32 of the rest u32]`, then the columns every fold reads,
 *   `[app u16][user u32][events n u16][flags u8][least ts u48][session bytes u16][session utf8]`
 *   `[ts − least ts, u16 × n][type codes, u8 × n or × 1][name numbers, u32 × n or × 1]`,
 * then, where an event has any of them, a msgpack array of what only readers need:
 *   0 urls, 1 lengths of props texts, 2 the props texts joined, 3 people, 4 client_ts.
 * A column of one value stands for n alike; a nil in the array for a column nobody has. Event i has id `offset + i`.
 * Every format ever released stays readable here.
 */
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { Unpackr } from 'msgpackr';
import { EVENT_TYPES, type JsonText, type Person, type StoredEvent } from '../event.js';
import { BATCH_EVENTS_MAX, BATCH_SPAN_MS } from '../limits.js';
import type { Kind } from './dictionaries.js';
import { readU48 } from './keys.js';

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

export interface RecordBatch {
  /** Id of the first event. */
  offset: number;
  app: number;
  user: number;
  userId: string;
  session: string;
  firstTs: number;
  lastTs: number;
  ts: readonly number[];
  types: readonly number[];
  names: readonly number[];
  nameOf(index: number): string;
  /** Whether any event tells who its user is. */
  hasPeople: boolean;
  /** What it takes as a value, before compression. */
  bytes: number;
  /** Decoded when first asked for. */
  details(): Details;
}

/** One bit an event type in the batch, so that a filtered scan can pass over a batch without decoding it. */
export function typeMask(batch: RecordBatch): number {
  let mask = 0;
  for (const code of batch.types) mask |= 1 << code;
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
  if (value[0] !== FORMAT) throw new DamagedBatch(`batch at ${offset}: unknown format ${value[0]}`);
  if (crc32(value.subarray(CHECKSUM_BYTES)) !== value.readUInt32BE(1))
    throw new DamagedBatch(`batch at ${offset}: checksum does not hold`);
  return readBatch(value, offset, textOf);
}

/** The same for a value whose checksum is known to hold. */
export function readBatch(value: Buffer, offset: number, textOf: TextOf): RecordBatch {
  const app = value.readUInt16BE(5);
  const user = value.readUInt32BE(7);
  const count = value.readUInt16BE(11);
  const flags = value[13] ?? 0;
  const firstTs = readU48(value, 14);
  const sessionBytes = value.readUInt16BE(20);
  let at = CHECKSUM_BYTES + FIXED_BYTES;
  const session = value.toString('utf8', at, at + sessionBytes);
  at += sessionBytes;

  const ts = new Array<number>(count);
  let lastTs = firstTs;
  for (let i = 0; i < count; i++, at += 2) {
    const time = firstTs + (((value[at] as number) << 8) | (value[at + 1] as number));
    ts[i] = time;
    if (time > lastTs) lastTs = time;
  }
  const types = new Array<number>(count);
  const typeStep = flags & ONE_TYPE ? 0 : 1;
  for (let i = 0; i < count; i++) types[i] = value[at + i * typeStep] as number;
  at += typeStep === 0 ? 1 : count;
  const names = new Array<number>(count);
  const nameStep = flags & ONE_NAME ? 0 : 4;
  for (let i = 0; i < count; i++) names[i] = value.readUInt32BE(at + i * nameStep);
  at += nameStep === 0 ? 4 : count * 4;

  let details = flags & HAS_DETAILS ? undefined : NO_DETAILS;
  return {
    offset,
    app,
    user,
    userId: textOf('user', user),
    session,
    firstTs,
    lastTs,
    ts,
    types,
    names,
    nameOf: (index) => textOf('name', names[index] ?? 0),
    hasPeople: (flags & HAS_PEOPLE) !== 0,
    bytes: value.length,
    details() {
      details ??= unpackDetails(value.subarray(at));
      return details;
    },
  };
}

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
