/**
 * Reads the bodies that nearly all requests carry straight from their bytes, several times faster than `JSON.parse` and
 * validation. It accepts nothing that the exact reader would not, gives the same content, and leaves whatever it
 * has doubts about (odd spellings, keys given twice, anything invalid) to the exact reader by returning `undefined`.
 */
import { isAscii } from 'node:buffer';
import { EVENT_TYPES, type EventType, type JsonText, type NewEvent, type Person } from '../event.js';
import {
  BATCH_ID_MAX,
  BATCH_ID_MIN,
  MAX_TS,
  PERSON_TEXT_MAX,
  SESSION_ID_MAX,
  TEXT_MAX,
  USER_ID_MAX,
} from '../limits.js';
import type { Content, Envelope } from './content.js';
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
import { cutText } from './text.js';

const LOWER_N = 0x6e;
const DELETE = 0x7f;
const CONTROL = /\p{Cc}/u;

/** Levels of objects and arrays around a field's value: of the root, of an event, of an event's `user`. */
const ROOT_DEPTH = 1;
const EVENT_DEPTH = 3;

/** A body and what is known of all its strings at once. */
interface Source {
  bytes: Buffer;
  ascii: boolean;
  /** Some string may hold an escape. */
  escapes: boolean;
  /** Some string may hold a control character. */
  controls: boolean;
  /** The last id read, by kind: the events of a body mostly share theirs, so the string is made once. */
  userId: LastText;
  sessionId: LastText;
}

interface LastText {
  text: string;
  start: number;
  end: number;
}

interface Root {
  app?: string;
  key?: string;
  events?: NewEvent[];
  batchId?: string;
  sentAt?: number;
}

const ROOT_FIELDS = fields(['app', 'key', 'events', 'batch_id', 'sent_at']);
const [APP, KEY, EVENTS, BATCH_ID, SENT_AT] = [0, 1, 2, 3, 4];
const EVENT_FIELDS = fields(['ts', 'user_id', 'session_id', 'type', 'name', 'url', 'props', 'user']);
const [TS, USER_ID, SESSION_ID, TYPE, NAME, URL, PROPS, USER] = [0, 1, 2, 3, 4, 5, 6, 7];
const PERSON_FIELDS = fields(['name', 'email']);
const TYPES = EVENT_TYPES.map((type) => ({ type, spelling: Buffer.from(`"${type}"`) }));
const UNKNOWN = -1;

/** Reads a body of valid UTF-8; `undefined` where the exact reader has to have a look. */
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
  };
  const start = skipSpace(bytes, 0);
  if (bytes[start] !== OPEN_BRACE) return undefined;

  const root: Root = {};
  const end = readRoot(source, start, root);
  if (end === REFUSED || !isSpaceFrom(bytes, end)) return undefined;

  const { app, key, events, batchId, sentAt } = root;
  if (app === undefined || key === undefined || events === undefined) return undefined;
  const content: Content = { events };
  if (batchId !== undefined) content.batchId = batchId;
  if (sentAt !== undefined) content.sentAt = sentAt;
  return { app, key, eventCount: events.length, content: () => ({ content }) };
}

/**
 * Whether nothing but white space is left. Unlike `skipSpace` it never looks past the end: one such look makes V8 slow
 * down every later one.
 */
function isSpaceFrom(bytes: Uint8Array, at: number): boolean {
  for (; at < bytes.length; at++) {
    if (!isSpace(bytes[at])) return false;
  }
  return true;
}

/** Reads the object that opens at `at` into `root`; the position after it. */
function readRoot(source: Source, at: number, root: Root): number {
  const { bytes } = source;
  let seen = 0;
  do {
    const key = skipSpace(bytes, at + 1);
    const keyStop = keyEnd(bytes, key);
    if (keyStop === REFUSED) return REFUSED;
    const field = fieldAt(bytes, key, keyStop, ROOT_FIELDS);
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
    if (text.length < BATCH_ID_MIN || text.length > BATCH_ID_MAX) return REFUSED;
    if (source.controls && CONTROL.test(text)) return REFUSED;
    root.batchId = text;
  }
  return end;
}

/** Reads the array of events that opens at `at`; the position after it. */
function readEvents(source: Source, at: number, root: Root): number {
  const { bytes } = source;
  if (bytes[at] !== OPEN_BRACKET) return REFUSED;
  const events: NewEvent[] = [];
  root.events = events;
  const first = skipSpace(bytes, at + 1);
  if (bytes[first] === CLOSE_BRACKET) return first + 1;
  do {
    at = readEvent(source, skipSpace(bytes, at + 1), events);
    if (at === REFUSED) return REFUSED;
    at = skipSpace(bytes, at);
  } while (bytes[at] === COMMA);
  return bytes[at] === CLOSE_BRACKET ? at + 1 : REFUSED;
}

/** Reads the event that opens at `at` and adds it to `events`; the position after it. */
function readEvent(source: Source, at: number, events: NewEvent[]): number {
  const { bytes } = source;
  if (bytes[at] !== OPEN_BRACE) return REFUSED;
  let seen = 0;
  let ts = 0;
  let userId: string | undefined;
  let sessionId: string | undefined;
  let type: EventType | undefined;
  let name: string | undefined;
  let url: string | undefined;
  let props: JsonText | undefined;
  let user: Person | undefined;
  do {
    const key = skipSpace(bytes, at + 1);
    const keyStop = keyEnd(bytes, key);
    if (keyStop === REFUSED) return REFUSED;
    const start = afterColon(bytes, keyStop);
    if (start === REFUSED) return REFUSED;
    const end = valueEnd(bytes, start, EVENT_DEPTH);
    if (end === REFUSED) return REFUSED;
    at = skipSpace(bytes, end);

    const field = fieldAt(bytes, key, keyStop, EVENT_FIELDS);
    if (field === UNKNOWN) continue;
    if (seen & (1 << field)) return REFUSED;
    seen |= 1 << field;
    // What is missing in the end is either optional or refused below.
    if (bytes[start] === LOWER_N) continue;
    switch (field) {
      case TS:
        ts = plainInteger(bytes, start, end);
        if (ts === REFUSED || ts > MAX_TS) return REFUSED;
        break;
      case USER_ID:
        userId = idAt(source, start, end, source.userId);
        if (userId === undefined || userId.length > USER_ID_MAX) return REFUSED;
        break;
      case SESSION_ID:
        sessionId = idAt(source, start, end, source.sessionId);
        if (sessionId === undefined || sessionId.length > SESSION_ID_MAX) return REFUSED;
        if (sessionId === '.' || sessionId === '..') return REFUSED;
        break;
      case TYPE:
        type = typeAt(bytes, start, end);
        if (type === undefined) return REFUSED;
        break;
      case NAME:
        name = textAt(source, start, end);
        if (name === undefined || name === '') return REFUSED;
        break;
      case URL:
        url = textAt(source, start, end);
        if (url === undefined) return REFUSED;
        break;
      case PROPS:
        if (bytes[start] !== OPEN_BRACE) return REFUSED;
        props = slice(source, start, end) as JsonText;
        break;
      case USER:
        if (bytes[start] !== OPEN_BRACE) return REFUSED;
        user = {};
        if (!readPerson(source, start, user)) return REFUSED;
        break;
    }
  } while (bytes[at] === COMMA);
  if (bytes[at] !== CLOSE_BRACE) return REFUSED;
  if (userId === undefined || sessionId === undefined || type === undefined || name === undefined)
    return REFUSED;

  const event: NewEvent = { ts, user_id: userId, session_id: sessionId, type, name: cutText(name, TEXT_MAX) };
  if (url !== undefined) event.url = cutText(url, TEXT_MAX);
  if (props !== undefined) event.props = props;
  if (user?.name !== undefined || user?.email !== undefined) event.user = user;
  events.push(event);
  return at + 1;
}

/** Reads the object that opens at `at`, whose syntax is proven, into `person`; false if the exact reader has to. */
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

    const field = fieldAt(bytes, key, keyStop, PERSON_FIELDS);
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

/** The text of the string that spans `start` to `end`, quotes included; `undefined` if that is no string. */
function textAt(source: Source, start: number, end: number): string | undefined {
  if (source.bytes[start] !== QUOTE) return undefined;
  const text = slice(source, start + 1, end - 1);
  if (!source.escapes || !text.includes('\\')) return text;
  const parsed: unknown = JSON.parse(slice(source, start, end));
  return typeof parsed === 'string' ? parsed : undefined;
}

/** Like `textAt`, for an id: not empty and without control characters. */
function idAt(source: Source, start: number, end: number, last: LastText): string | undefined {
  if (sameBytes(source.bytes, start, end, last)) return last.text;
  const text = textAt(source, start, end);
  if (text === undefined || text === '' || (source.controls && CONTROL.test(text))) return undefined;
  last.text = text;
  last.start = start;
  last.end = end;
  return text;
}

/** A copy, so that what keeps a name does not keep the whole body alive. */
function slice(source: Source, start: number, end: number): string {
  return source.bytes.toString(source.ascii ? 'latin1' : 'utf8', start, end);
}

function sameBytes(bytes: Uint8Array, start: number, end: number, last: LastText): boolean {
  if (end - start !== last.end - last.start) return false;
  for (let at = start, other = last.start; at < end; at++, other++) {
    if (bytes[at] !== bytes[other]) return false;
  }
  return true;
}

function typeAt(bytes: Uint8Array, start: number, end: number): EventType | undefined {
  for (const { type, spelling } of TYPES) {
    if (spelling.length === end - start && startsWith(bytes, start, spelling)) return type;
  }
  return undefined;
}

/** Field names as they stand in a body, quotes included, by the length of that. */
function fields(names: readonly string[]): { spelling: Uint8Array; field: number }[][] {
  const byLength: { spelling: Uint8Array; field: number }[][] = [];
  names.forEach((name, field) => {
    const spelling = Buffer.from(`"${name}"`);
    byLength[spelling.length] ??= [];
    byLength[spelling.length]?.push({ spelling, field });
  });
  return byLength;
}

/** The index of the field that the key spanning `start` to `end` names. */
function fieldAt(bytes: Uint8Array, start: number, end: number, known: ReturnType<typeof fields>): number {
  const candidates = known[end - start];
  if (candidates === undefined) return UNKNOWN;
  for (const { spelling, field } of candidates) {
    if (startsWith(bytes, start, spelling)) return field;
  }
  return UNKNOWN;
}

function startsWith(bytes: Uint8Array, start: number, spelling: Uint8Array): boolean {
  for (let i = 0; i < spelling.length; i++) {
    if (bytes[start + i] !== spelling[i]) return false;
  }
  return true;
}
