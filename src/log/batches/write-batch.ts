/** Cuts a request's columns into runs and writes each as a record batch, as `record-batch.ts` describes. */
import { crc32 } from 'node:zlib';
import {
  ABSENT,
  type EventColumns,
  PROPS_SPAN,
  SPANS,
  URL_SPAN,
  type UserSession,
} from '../../domain/event-columns.js';
import { BATCH_EVENTS_MAX, BATCH_SPAN_MS, DAY_MS } from '../../domain/limits.js';
import type { ByteWriter } from './byte-writer.js';
import { packArrayHead, packDouble, packInteger, packNil, packText, packTextHead } from './msgpack.js';
import { CHECKSUM_BYTES, FORMAT, HAS_DETAILS, HAS_PEOPLE, ONE_NAME, ONE_TYPE } from './record-batch.js';

/** Columns of what only readers of whole events need. */
const DETAILS = 5;

/** Where the run from `start` ends: one user, session and UTC day, within a batch's span and count. */
export function runEnd({ ts, userSessions }: EventColumns, start: number): number {
  const first = ts[start] as number;
  const midnight = first - (first % DAY_MS);
  const limit = Math.min(ts.length, start + BATCH_EVENTS_MAX);
  let least = first;
  let greatest = first;
  let end = start + 1;
  for (; end < limit; end++) {
    const time = ts[end] as number;
    if (userSessions[end] !== userSessions[start]) break;
    if (time < midnight || time >= midnight + DAY_MS) break;
    if (time < least) {
      if (greatest - time > BATCH_SPAN_MS) break;
      least = time;
    } else if (time > greatest) {
      if (time - least > BATCH_SPAN_MS) break;
      greatest = time;
    }
  }
  return end;
}

export interface BatchNumbers {
  app: number;
  user: number;
  /** Of the name of event `start + i`, by i. */
  names: readonly number[];
}

/** Writes the events from `start` to `end`, which are one run, as a batch's value; returns its last ts. */
export function writeBatch(
  to: ByteWriter,
  columns: EventColumns,
  start: number,
  end: number,
  { app, user, names }: BatchNumbers,
): number {
  const { ts, types, userSessions } = columns;
  const count = end - start;
  let least = ts[start] as number;
  let greatest = least;
  let flags = ONE_TYPE | ONE_NAME;
  for (let i = 0; i < count; i++) {
    const time = ts[start + i] as number;
    if (time < least) least = time;
    if (time > greatest) greatest = time;
    if (types[start + i] !== types[start]) flags &= ~ONE_TYPE;
    if (names[i] !== names[0]) flags &= ~ONE_NAME;
  }
  const has: Has = {
    urls: hasSpan(columns, URL_SPAN, start, end),
    props: hasSpan(columns, PROPS_SPAN, start, end),
    people: hasAny(columns.people, start, end),
    clientTs: hasAny(columns.clientTs, start, end),
  };
  if (has.people) flags |= HAS_PEOPLE;
  if (has.urls || has.props || has.people || has.clientTs) flags |= HAS_DETAILS;

  const at = to.length;
  to.u8(FORMAT);
  to.u32(0);
  to.u16(app);
  to.u32(user);
  to.u16(count);
  to.u8(flags);
  to.u48(least);
  to.text16((userSessions[start] as UserSession).sessionId);
  for (let i = start; i < end; i++) to.u16((ts[i] as number) - least);
  for (let i = start; i < (flags & ONE_TYPE ? start + 1 : end); i++) to.u8(types[i] as number);
  for (let i = 0; i < (flags & ONE_NAME ? 1 : count); i++) to.u32(names[i] as number);
  if (flags & HAS_DETAILS) writeDetails(to, columns, start, end, has);
  to.setU32(at + 1, crc32(to.view(at + CHECKSUM_BYTES)));
  return greatest;
}

/** Which columns some event of a run has an entry in. */
interface Has {
  urls: boolean;
  props: boolean;
  people: boolean;
  clientTs: boolean;
}

function hasSpan({ spans }: EventColumns, field: number, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (spans[i * SPANS + field] !== ABSENT) return true;
  return false;
}

function hasAny(column: readonly unknown[] | undefined, start: number, end: number): boolean {
  if (column === undefined) return false;
  for (let i = start; i < end; i++) if (column[i] !== undefined) return true;
  return false;
}

function writeDetails(to: ByteWriter, columns: EventColumns, start: number, end: number, has: Has): void {
  const { bytes, spans, people, clientTs } = columns;
  const column = (isThere: boolean, pack: (index: number) => void): void => {
    if (isThere) packArrayHead(to, end - start);
    else packNil(to);
    for (let i = start; isThere && i < end; i++) pack(i);
  };

  packArrayHead(to, DETAILS);
  column(has.urls, (i) => {
    const from = spans[i * SPANS + URL_SPAN] as number;
    const until = spans[i * SPANS + URL_SPAN + 1] as number;
    if (from === ABSENT) packNil(to);
    else packTextHead(to, until - from);
    to.copy(bytes, from, until);
  });
  let propsBytes = 0;
  column(has.props, (i) => {
    const from = spans[i * SPANS + PROPS_SPAN] as number;
    const until = spans[i * SPANS + PROPS_SPAN + 1] as number;
    propsBytes += until - from;
    packInteger(to, from === ABSENT ? -1 : unitsOf(columns, from, until));
  });
  if (has.props) packTextHead(to, propsBytes);
  else packNil(to);
  for (let i = start; i < end; i++) {
    const at = i * SPANS + PROPS_SPAN;
    to.copy(bytes, spans[at] as number, spans[at + 1] as number);
  }
  column(has.people, (i) => {
    const person = people?.[i];
    if (person === undefined) packNil(to);
    else {
      packArrayHead(to, 2);
      packText(to, person.name);
      packText(to, person.email);
    }
  });
  column(has.clientTs, (i) => packDouble(to, clientTs?.[i]));
}

/** The UTF-16 code units of a text by its UTF-8: one a character, two for the characters of four bytes. */
function unitsOf({ bytes, isAscii }: EventColumns, start: number, end: number): number {
  let units = end - start;
  if (isAscii) return units;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if ((byte & 0xc0) === 0x80) units--;
    else if (byte >= 0xf0) units++;
  }
  return units;
}
