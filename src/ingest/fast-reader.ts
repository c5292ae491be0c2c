/**
 * Reads usual bodies straight from their bytes, several times faster than `JSON.parse` and validation.
 * Escapes in keys, duplicate keys and whatever is invalid it leaves to the exact reader, by `undefined`.
 */
import { isAscii } from 'node:buffer';
import { cutText, EVENT_TYPES, type Person } from '../domain/event.js';
import {
  ABSENT,
  type EventColumns,
  NAME_SPAN,
  PROPS_SPAN,
  SPANS,
  URL_SPAN,
  type UserSession,
} from '../domain/event-columns.js';
import {
  BATCH_ID_MAX,
  BATCH_ID_MIN,
  MAX_TS,
  PERSON_TEXT_MAX,
  SESSION_ID_MAX,
  TEXT_MAX,
  USER_ID_MAX,
} from '../domain/limits.js';
import {
  afterColon,
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COMMA,
  isSpace,
  keyEnd,
  OPEN_BRACE,
  OPEN_BRACKET,
  plainInteger,
  QUOTE,
  REFUSED,
  skipSpace,
  valueEnd,
} from './json-bytes.js';
import type { Span } from './scan.js';
import { nameAt, sameBytes, spellingsOf, UNKNOWN } from './spellings.js';
import type { Envelope } from './types.js';

const LOWER_N = 0x6e;
const DELETE = 0x7f;
const CONTROL = /\p{Cc}/u;

/** Levels of objects and arrays around the value of a field of the root and of an event. */
const ROOT_DEPTH = 1;
const EVENT_DEPTH = 3;

/** The columns grow here, one body at a time; entries after its last event are from earlier bodies. */
const room = { ts: [0], types: [0], userSessions: [] as UserSession[], spans: [0] };

/** The state of reading one body. */
interface Source {
  bytes: Buffer;
  ascii: boolean;
  /** Some string may have an escape. */
  escapes: boolean;
  /** Some string may have a control character. */
  controls: boolean;
  /** The last ids: a body's events mostly share theirs, so each string is made once. */
  userId: LastText;
  sessionId: LastText;
  /** Both as one object, once an event has them. */
  userSession?: UserSession | undefined;
  /** The last event's keys, in order: most events of a body repeat them byte for byte. */
  members: Member[];
  /** Events in `room` so far. */
  count: number;
  people: (Person | undefined)[];
  /** Texts that are stored unlike they are spelt; they are appended to the body. */
  apart: string[];
  apartEnd: number;
}

interface LastText extends Span {
  text: string;
}

/** Spans everything before a value: the brace or comma, the key and the colon. */
interface Member extends Span {
  field: number;
}

interface Root {
  app?: string;
  key?: string;
  hasEvents?: boolean;
  batchId?: string;
  sentAt?: number;
}

const ROOT_FIELDS = spellingsOf(['app', 'key', 'events', 'batch_id', 'sent_at']);
const [APP, KEY, EVENTS, BATCH_ID, SENT_AT] = [0, 1, 2, 3, 4];
const EVENT_FIELDS = spellingsOf(['ts', 'user_id', 'session_id', 'type', 'name', 'url', 'props', 'user']);
const [TS, USER_ID, SESSION_ID, TYPE, NAME, URL, PROPS] = [0, 1, 2, 3, 4, 5, 6];
const PERSON_FIELDS = spellingsOf(['name', 'email']);
const TYPE_NAMES = spellingsOf(EVENT_TYPES);
const REQUIRED = (1 << USER_ID) | (1 << SESSION_ID) | (1 << TYPE) | (1 << NAME);
/** The length of `""`. */
const EMPTY_LENGTH = 2;

/** Reads a body of valid UTF-8; `undefined` leaves it to the exact reader. */
export function readFast(bytes: Buffer): Envelope | undefined {
  const ascii = isAscii(bytes);
  const escapes = bytes.includes(BACKSLASH);
  const source: Source = {
    bytes,
    ascii,
    escapes,
    controls: !ascii || escapes || bytes.includes(DELETE),
    userId: { text: '', start: 0, end: 0 },
    sessionId: { text: '', start: 0, end: 0 },
    userSession: undefined,
    members: [],
    count: 0,
    people: [],
    apart: [],
    apartEnd: bytes.length,
  };
  const start = skipSpace(bytes, 0);
  if (bytes[start] !== OPEN_BRACE) return undefined;

  const root: Root = {};
  const end = readRoot(source, start, root);
  if (end === REFUSED || !isSpaceFrom(bytes, end)) return undefined;

  const { app, key, hasEvents, batchId, sentAt } = root;
  if (app === undefined || key === undefined || !hasEvents) return undefined;
  const content = { columns: takeColumns(source), batchId, sentAt };
  return { app, key, eventCount: source.count, content: () => ({ content }) };
}

/** Copies the events out of `room`. */
function takeColumns({ bytes, ascii, apart, count, people }: Source): EventColumns {
  const whole = apart.length === 0 ? bytes : Buffer.concat([bytes, Buffer.from(apart.join(''))]);
  const columns: EventColumns = {
    ts: room.ts.slice(0, count),
    types: room.types.slice(0, count),
    userSessions: room.userSessions.slice(0, count),
    bytes: whole,
    isAscii: ascii && (apart.length === 0 || isAscii(whole)),
    spans: room.spans.slice(0, count * SPANS),
  };
  if (people.length > 0) columns.people = Array.from({ length: count }, (_, index) => people[index]);
  return columns;
}

/** Whether only white space is left. Unlike `skipSpace` it never reads past the end: that slows V8 down. */
function isSpaceFrom(bytes: Uint8Array, at: number): boolean {
  for (; at < bytes.length; at++) {
    if (!isSpace(bytes[at])) return false;
  }
  return true;
}

/** Reads the object at `at` into `root`; returns the position after it. */
function readRoot(source: Source, at: number, root: Root): number {
  const { bytes } = source;
  let seen = 0;
  do {
    const key = skipSpace(bytes, at + 1);
    const keyStop = keyEnd(bytes, key);
    if (keyStop === REFUSED) return REFUSED;
    const field = nameAt(bytes, key, keyStop, ROOT_FIELDS);
    if (field !== UNKNOWN && seen & (1 << field)) return REFUSED;
    seen |= field === UNKNOWN ? 0 : 1 << field;
    const value = afterColon(bytes, keyStop);
    if (value === REFUSED) return REFUSED;
    at = field === EVENTS ? readEvents(source, value, root) : readRootField(source, value, field, root);
    if (at === REFUSED) return REFUSED;
    at = skipSpace(bytes, at);
  } while (bytes[at] === COMMA);
  return bytes[at] === CLOSE_BRACE ? at + 1 : REFUSED;
}

function readRootField(source: Source, start: number, field: number, root: Root): number {
  const { bytes } = source;
  const end = valueEnd(bytes, start, ROOT_DEPTH);
  if (end === REFUSED || field === UNKNOWN) return end;
  if (bytes[start] === LOWER_N) return field === BATCH_ID || field === SENT_AT ? end : REFUSED;

  if (field === SENT_AT) {
    const sentAt = plainInteger(bytes, start, end);
    if (sentAt === REFUSED || sentAt > MAX_TS) return REFUSED;
    root.sentAt = sentAt;
    return end;
  }
  const text = textAt(source, start, end);
  if (text === undefined) return REFUSED;
  if (field === APP) root.app = text;
  if (field === KEY) root.key = text;
  if (field === BATCH_ID) {
    // The schema counts a character outside the BMP once.
    if (text.length > BATCH_ID_MAX || [...text].length < BATCH_ID_MIN) return REFUSED;
    if (source.controls && CONTROL.test(text)) return REFUSED;
    root.batchId = text;
  }
  return end;
}

/** Reads the array of events at `at`; returns the position after it. */
function readEvents(source: Source, at: number, root: Root): number {
  const { bytes } = source;
  if (bytes[at] !== OPEN_BRACKET) return REFUSED;
  root.hasEvents = true;
  const first = skipSpace(bytes, at + 1);
  if (bytes[first] === CLOSE_BRACKET) return first + 1;
  do {
    at = readEvent(source, skipSpace(bytes, at + 1));
    if (at === REFUSED) return REFUSED;
    at = skipSpace(bytes, at);
  } while (bytes[at] === COMMA);
  return bytes[at] === CLOSE_BRACKET ? at + 1 : REFUSED;
}

/** Reads the event at `at`; returns the position after it. */
function readEvent(source: Source, at: number): number {
  const { bytes, count } = source;
  if (bytes[at] !== OPEN_BRACE) return REFUSED;
  room.ts[count] = 0;
  for (let i = 0; i < SPANS; i++) room.spans[count * SPANS + i] = ABSENT;
  let seen = 0;
  for (let index = 0; index === 0 || bytes[at] === COMMA; index++) {
    const member = readMember(source, at, index);
    if (member === undefined) return REFUSED;
    const { field } = member;
    if (field !== UNKNOWN) {
      if (seen & (1 << field)) return REFUSED;
      seen |= 1 << field;
    }
    at = readEventField(source, at + member.end - member.start, field);
    if (at === REFUSED) return REFUSED;
    at = skipSpace(bytes, at);
  }
  if (bytes[at] !== CLOSE_BRACE || (seen & REQUIRED) !== REQUIRED) return REFUSED;

  source.userSession ??= { userId: source.userId.text, sessionId: source.sessionId.text };
  room.userSessions[count] = source.userSession;
  source.count++;
  return at + 1;
}

/** Reads the key after the brace or comma at `at`, up to its value. */
function readMember({ bytes, members }: Source, at: number, index: number): Member | undefined {
  const last = members[index];
  if (last !== undefined && sameBytes(bytes, at, last)) return last;
  const key = skipSpace(bytes, at + 1);
  const keyStop = keyEnd(bytes, key);
  const end = keyStop === REFUSED ? REFUSED : afterColon(bytes, keyStop);
  if (end === REFUSED) return undefined;
  const member = { start: at, end, field: nameAt(bytes, key, keyStop, EVENT_FIELDS) };
  members[index] = member;
  return member;
}

/** Reads the value at `start` into the columns; returns the position after it. */
function readEventField(source: Source, start: number, field: number): number {
  const { bytes, count } = source;
  // Events repeat these, so their ends need not be searched.
  if (field === USER_ID) return readId(source, start, source.userId, USER_ID_MAX);
  if (field === SESSION_ID) return readId(source, start, source.sessionId, SESSION_ID_MAX);
  if (field === TYPE) {
    const end = keyEnd(bytes, start);
    const code = nameAt(bytes, start, end, TYPE_NAMES);
    room.types[count] = code;
    return code === UNKNOWN ? REFUSED : end;
  }

  const end = valueEnd(bytes, start, EVENT_DEPTH);
  if (end === REFUSED || field === UNKNOWN) return end;
  if (bytes[start] === LOWER_N) return field === NAME ? REFUSED : end;
  switch (field) {
    case TS: {
      const ts = plainInteger(bytes, start, end);
      if (ts === REFUSED || ts > MAX_TS) return REFUSED;
      room.ts[count] = ts;
      return end;
    }
    case NAME:
      return end - start === EMPTY_LENGTH ? REFUSED : readText(source, start, end, NAME_SPAN);
    case URL:
      return readText(source, start, end, URL_SPAN);
    case PROPS:
      if (bytes[start] !== OPEN_BRACE) return REFUSED;
      setSpan(source, PROPS_SPAN, start, end);
      return end;
    default: {
      const person: Person = {};
      if (bytes[start] !== OPEN_BRACE || !readPerson(source, start, person)) return REFUSED;
      if (person.name !== undefined || person.email !== undefined) source.people[count] = person;
      return end;
    }
  }
}

/** Sets the span of the string from `start` to `end`; returns `end`. */
function readText(source: Source, start: number, end: number, field: number): number {
  if (source.bytes[start] !== QUOTE) return REFUSED;
  if (end - start - EMPTY_LENGTH <= TEXT_MAX && !hasEscape(source, start, end)) {
    setSpan(source, field, start + 1, end - 1);
    return end;
  }
  const text = cutText(textAt(source, start, end) ?? '', TEXT_MAX);
  source.apart.push(text);
  const from = source.apartEnd;
  source.apartEnd += Buffer.byteLength(text);
  setSpan(source, field, from, source.apartEnd);
  return end;
}

function setSpan({ count }: Source, field: number, start: number, end: number): void {
  const at = count * SPANS + field;
  room.spans[at] = start;
  room.spans[at + 1] = end;
}

/** Reads the id at `start` into `id`; returns the position after it. */
function readId(source: Source, start: number, id: LastText, lengthMax: number): number {
  const { bytes } = source;
  if (sameBytes(bytes, start, id)) return start + id.end - id.start;
  const end = valueEnd(bytes, start, EVENT_DEPTH);
  if (end === REFUSED) return REFUSED;
  const text = textAt(source, start, end);
  if (text === undefined || text === '' || text.length > lengthMax) return REFUSED;
  if (source.controls && CONTROL.test(text)) return REFUSED;
  if (id === source.sessionId && (text === '.' || text === '..')) return REFUSED;
  if (text !== id.text) source.userSession = undefined;
  id.text = text;
  id.start = start;
  id.end = end;
  return end;
}

/** Reads the object at `at`, whose syntax was checked, into `person`; false leaves it to the exact reader. */
function readPerson(source: Source, at: number, person: Person): boolean {
  const { bytes } = source;
  if (bytes[skipSpace(bytes, at + 1)] === CLOSE_BRACE) return true;
  let seen = 0;
  do {
    const key = skipSpace(bytes, at + 1);
    const keyStop = keyEnd(bytes, key);
    const start = afterColon(bytes, keyStop);
    const end = valueEnd(bytes, start, EVENT_DEPTH + 1);
    at = skipSpace(bytes, end);

    const field = nameAt(bytes, key, keyStop, PERSON_FIELDS);
    if (field === UNKNOWN) continue;
    if (seen & (1 << field)) return false;
    seen |= 1 << field;
    if (bytes[start] === LOWER_N) continue;
    const text = textAt(source, start, end);
    if (text === undefined) return false;
    if (field === 0) person.name = cutText(text, PERSON_TEXT_MAX);
    else person.email = cutText(text, PERSON_TEXT_MAX);
  } while (bytes[at] === COMMA);
  return true;
}

/** The text of the string from `start` to `end`, quotes included; `undefined` if that is no string. */
function textAt(source: Source, start: number, end: number): string | undefined {
  if (source.bytes[start] !== QUOTE) return undefined;
  const encoding = source.ascii ? 'latin1' : 'utf8';
  if (!hasEscape(source, start, end)) return source.bytes.toString(encoding, start + 1, end - 1);
  const parsed: unknown = JSON.parse(source.bytes.toString(encoding, start, end));
  return typeof parsed === 'string' ? parsed : undefined;
}

function hasEscape({ bytes, escapes }: Source, start: number, end: number): boolean {
  for (let at = start; escapes && at < end; at++) if (bytes[at] === BACKSLASH) return true;
  return false;
}
