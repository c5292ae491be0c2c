/**
 * The record batch: a run of consecutive events of one (app, user, session), stored as one value with columns.
 *
 * Value: `[format u8][crc32 of the rest u32]` then a msgpack array, a fixed order of columns owned by this file:
 *   0 app number, 1 user number, 2 session id, 3 least ts, 4 ts − least ts per event,
 *   5 type codes, 6 name numbers, 7 urls, 8 lengths of props texts, 9 the props texts joined, 10 people, 11 client_ts
 * Columns 5 and 6 are one number, not a list, when all events agree; 7, 8, 10, 11 are nil when no event has any.
 * Event i has id `offset + i`. Every format ever released stays readable here.
 */
import { crc32 } from 'node:zlib';
import { Packr } from 'msgpackr';
import {
  EVENT_TYPES,
  type EventType,
  type JsonText,
  type NewEvent,
  type Person,
  type StoredEvent,
} from '../event.js';
import { BATCH_EVENTS_MAX, BATCH_SPAN_MS, DAY_MS } from '../limits.js';

const FORMAT = 1;
const HEADER_BYTES = 5;
const packr = new Packr({ useRecords: false });

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
  urls: readonly (string | null)[] | null;
  props: readonly (JsonText | null)[] | null;
  people: readonly (Person | null)[] | null;
  clientTs: readonly (number | null)[] | null;
}

const TYPE_CODES = new Map<EventType, number>(EVENT_TYPES.map((type, code) => [type, code]));

export function typeCode(type: EventType): number {
  const code = TYPE_CODES.get(type);
  if (code === undefined) throw new RangeError(`no such event type: ${type}`);
  return code;
}

/** One bit an event type in the batch, so that a filtered scan can pass over a batch without decoding it. */
export function typeMask(batch: RecordBatch): number {
  let mask = 0;
  for (const code of batch.types) mask |= 1 << code;
  return mask;
}

/** Where the runs of a request end: same user and session, one UTC day, within the span and the count of a batch. */
export function cutRuns(events: readonly NewEvent[]): [start: number, end: number][] {
  const runs: [number, number][] = [];
  let start = 0;
  while (start < events.length) {
    const first = events[start] as NewEvent;
    const day = Math.floor(first.ts / DAY_MS);
    let least = first.ts;
    let greatest = first.ts;
    let end = start + 1;
    for (; end < events.length && end - start < BATCH_EVENTS_MAX; end++) {
      const event = events[end] as NewEvent;
      if (event.session_id !== first.session_id || event.user_id !== first.user_id) break;
      if (Math.floor(event.ts / DAY_MS) !== day) break;
      const low = Math.min(least, event.ts);
      const high = Math.max(greatest, event.ts);
      if (high - low > BATCH_SPAN_MS) break;
      least = low;
      greatest = high;
    }
    runs.push([start, end]);
    start = end;
  }
  return runs;
}

/** Turns a run of events into columns; the numbers come from the dictionaries. */
export function toBatch(
  events: readonly NewEvent[],
  offset: number,
  numbers: { app: number; user: number; name: (name: string) => number },
): RecordBatch {
  const first = events[0];
  if (!first) throw new RangeError('a record batch holds at least one event');
  const ts = events.map((event) => event.ts);
  return {
    offset,
    app: numbers.app,
    user: numbers.user,
    userId: first.user_id,
    session: first.session_id,
    firstTs: Math.min(...ts),
    lastTs: Math.max(...ts),
    ts,
    types: events.map((event) => typeCode(event.type)),
    names: events.map((event) => numbers.name(event.name)),
    urls: column(events, (event) => event.url),
    props: column(events, (event) => event.props),
    people: column(events, (event) => event.user),
    clientTs: column(events, (event) => event.client_ts),
  };
}

function column<T>(
  events: readonly NewEvent[],
  pick: (event: NewEvent) => T | undefined,
): (T | null)[] | null {
  let any = false;
  const values = events.map((event) => {
    const value = pick(event);
    if (value === undefined) return null;
    any = true;
    return value;
  });
  return any ? values : null;
}

const collapse = (values: readonly number[]): number | readonly number[] => {
  const [first = 0] = values;
  return values.every((value) => value === first) ? first : values;
};

export function encodeBatch(batch: RecordBatch): Buffer {
  const body = packr.pack([
    batch.app,
    batch.user,
    batch.session,
    batch.firstTs,
    batch.ts.map((ts) => ts - batch.firstTs),
    collapse(batch.types),
    collapse(batch.names),
    batch.urls,
    batch.props?.map((text) => (text === null ? -1 : text.length)) ?? null,
    batch.props?.join('') ?? null,
    batch.people?.map((person) => person && [person.name ?? null, person.email ?? null]) ?? null,
    batch.clientTs,
  ]);
  const value = Buffer.allocUnsafe(HEADER_BYTES + body.length);
  value[0] = FORMAT;
  value.writeUInt32BE(crc32(body), 1);
  value.set(body, HEADER_BYTES);
  return value;
}

/** A stored batch that cannot be what was written: damage, or a format of a newer release. */
export class DamagedBatch extends Error {
  override name = 'DamagedBatch';
}

type Columns = [
  app: number,
  user: number,
  session: string,
  firstTs: number,
  deltas: number[],
  types: number | number[],
  names: number | number[],
  urls: (string | null)[] | null,
  propsLengths: number[] | null,
  propsText: string | null,
  people: ([string | null, string | null] | null)[] | null,
  clientTs: (number | null)[] | null,
];

/** Reads a stored value back; throws `DamagedBatch` when its checksum does not hold. */
export function decodeBatch(value: Buffer, offset: number, userId: (user: number) => string): RecordBatch {
  if (value[0] !== FORMAT) throw new DamagedBatch(`batch at ${offset}: unknown format ${value[0]}`);
  const body = value.subarray(HEADER_BYTES);
  if (crc32(body) !== value.readUInt32BE(1))
    throw new DamagedBatch(`batch at ${offset}: checksum does not hold`);
  const [app, user, session, firstTs, deltas, types, names, urls, lengths, text, people, clientTs] =
    packr.unpack(body) as Columns;
  const count = deltas.length;
  let lastTs = firstTs;
  const ts = deltas.map((delta) => {
    if (firstTs + delta > lastTs) lastTs = firstTs + delta;
    return firstTs + delta;
  });
  return {
    offset,
    app,
    user,
    userId: userId(user),
    session,
    firstTs,
    lastTs,
    ts,
    types: typeof types === 'number' ? new Array<number>(count).fill(types) : types,
    names: typeof names === 'number' ? new Array<number>(count).fill(names) : names,
    urls,
    props: splitTexts(text, lengths),
    people: people?.map(toPerson) ?? null,
    clientTs,
  };
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

/** Event `index` of a batch, with its strings. */
export function toEvent(
  batch: RecordBatch,
  index: number,
  strings: { app: string; name: string },
): StoredEvent {
  const url = batch.urls?.[index];
  const props = batch.props?.[index];
  const user = batch.people?.[index];
  const clientTs = batch.clientTs?.[index];
  return {
    id: batch.offset + index,
    ts: batch.ts[index] ?? batch.firstTs,
    app: strings.app,
    user_id: batch.userId,
    session_id: batch.session,
    type: EVENT_TYPES[batch.types[index] ?? 0] ?? 'event',
    name: strings.name,
    ...(url == null ? {} : { url }),
    ...(props == null ? {} : { props }),
    ...(user == null ? {} : { user }),
    ...(clientTs == null ? {} : { client_ts: clientTs }),
  };
}
