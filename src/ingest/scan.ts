/** Finds what `JSON.parse` hides of a body: its depth, where `props` are, forbidden strings and keys. */
import assert from 'node:assert/strict';
import { FIELD_ERRORS_MAX, JSON_DEPTH_MAX, JSON_PART_BYTES, JSON_PARTS_FREE } from '../domain/limits.js';
import type { FieldError } from '../domain/problems.js';
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  closingQuote,
  LOWER_U,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  REFUSED,
  skipSpace,
  unicodeEscapeWidth,
} from './json-bytes.js';

/** Bytes from `start` to `end`, exclusive. */
export interface Span {
  start: number;
  end: number;
}

export interface Scan {
  /** The object that is an event's `props`, by the event's index. */
  props: (Span | undefined)[];
  /** Strings and keys that are not allowed, up to `FIELD_ERRORS_MAX`. */
  errors: FieldError[];
}

const ROOT_FIELDS = new Set(['batch_id', 'sent_at', 'app', 'key']);
const EVENT_FIELDS = new Set(['ts', 'user_id', 'session_id', 'type', 'name', 'url', 'props', 'user']);
/** Levels: the root is 1, the array of events 2, an event 3. */
const EVENTS_LEVEL = 2;
const EVENT_LEVEL = 3;

/** What makes the text too expensive for `JSON.parse`: its depth, or how many objects and arrays it has. It need not be JSON. */
export function tooExpensive(bytes: Uint8Array): 'depth' | 'parts' | undefined {
  const partsMax = JSON_PARTS_FREE + bytes.length / JSON_PART_BYTES;
  let level = 0;
  let parts = 0;
  for (let at = 0; at < bytes.length; at++) {
    switch (bytes[at]) {
      case QUOTE:
        at = closingQuote(bytes, at + 1);
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        if (++level > JSON_DEPTH_MAX) return 'depth';
        if (++parts > partsMax) return 'parts';
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        level--;
        break;
    }
  }
  return undefined;
}

interface State extends Scan {
  bytes: Buffer;
  level: number;
  /** Inside the value of the root's `events`, if that is an array. */
  inEvents: boolean;
  /** The event's index, while `inEvents`. */
  event: number;
  /** The known field of the root or event; else empty. */
  field: string;
  /** Where the value of the last key `events`, `props` or `constructor` starts. */
  eventsAt: number;
  propsAt: number;
  constructorAt: number;
  /** By level: 1 if its object is the value of a `constructor` key. */
  ofConstructor: Uint8Array;
}

/** `bytes` must be JSON and not too deep. */
export function scanJson(bytes: Buffer): Scan {
  const state: State = {
    bytes,
    level: 0,
    inEvents: false,
    event: 0,
    field: '',
    eventsAt: -1,
    propsAt: -1,
    constructorAt: -1,
    ofConstructor: new Uint8Array(JSON_DEPTH_MAX + 1),
    props: [],
    errors: [],
  };
  let at = 0;
  while (at < bytes.length) {
    switch (bytes[at]) {
      case QUOTE:
        at = scanString(state, at);
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        open(state, at++);
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        close(state, at++);
        break;
      case COMMA:
        if (state.inEvents && state.level === EVENTS_LEVEL) {
          state.event++;
          state.field = '';
        }
        at++;
        break;
      default:
        at++;
    }
  }
  assert(state.level === 0, 'the text is JSON');
  return { props: state.props, errors: state.errors };
}

function open(state: State, at: number): void {
  state.level++;
  state.ofConstructor[state.level] = at === state.constructorAt ? 1 : 0;
  if (at === state.eventsAt && state.bytes[at] === OPEN_BRACKET) state.inEvents = true;
}

function close(state: State, at: number): void {
  state.level--;
  if (state.propsAt !== -1 && state.level === EVENT_LEVEL) {
    state.props[state.event] = { start: state.propsAt, end: at + 1 };
    state.propsAt = -1;
  }
  if (state.level < EVENTS_LEVEL) state.inEvents = false;
}

/** Scans the string at `at`; returns the position after it, and after the colon if it is a key. */
function scanString(state: State, at: number): number {
  const { bytes } = state;
  const start = at + 1;
  let lone = false;
  let escaped = false;
  let end = start;
  while (bytes[end] !== QUOTE) {
    if (bytes[end] !== BACKSLASH) {
      end++;
      continue;
    }
    escaped = true;
    const width = bytes[end + 1] === LOWER_U ? unicodeEscapeWidth(bytes, end) : 2;
    if (width === REFUSED) lone = true;
    end += width === REFUSED ? 6 : width;
  }
  const colon = skipSpace(bytes, end + 1);
  const isKey = bytes[colon] === COLON;
  const value = isKey ? skipSpace(bytes, colon + 1) : end + 1;
  if (isKey) scanKey(state, { start, end }, escaped, value);
  if (lone) report(state, 'must not contain lone surrogates');
  return value;
}

function scanKey(state: State, { start, end }: Span, escaped: boolean, valueAt: number): void {
  const { bytes, level } = state;
  if (level > EVENT_LEVEL && !escaped && !SUSPICIOUS.has(bytes[start] ?? 0)) return;
  const key = keyText(bytes, { start, end }, escaped);
  if (level === 1) {
    state.field = ROOT_FIELDS.has(key) ? key : '';
    if (key === 'events') {
      // JSON.parse keeps the last one.
      state.props = [];
      state.event = 0;
      state.eventsAt = valueAt;
    }
  }
  if (level === EVENT_LEVEL && state.inEvents) {
    state.field = EVENT_FIELDS.has(key) ? key : '';
    if (key === 'props') {
      state.props[state.event] = undefined;
      state.propsAt = bytes[valueAt] === OPEN_BRACE ? valueAt : -1;
    }
  }
  if (key === '__proto__') report(state, 'must not contain the key __proto__');
  if (key === 'constructor' && bytes[valueAt] === OPEN_BRACE) state.constructorAt = valueAt;
  if (key === 'prototype' && state.ofConstructor[level] === 1) {
    report(state, 'must not contain the key constructor.prototype');
  }
}

/** First characters of keys that are not allowed. */
const SUSPICIOUS = new Set(Buffer.from('_cp'));

/** The longest key that matters to the scan. */
const KEY_MAX = 'constructor'.length;

function keyText(bytes: Buffer, { start, end }: Span, escaped: boolean): string {
  if (!escaped) return end - start > KEY_MAX ? '' : bytes.toString('latin1', start, end);
  const parsed: unknown = JSON.parse(bytes.toString('utf8', start - 1, end + 1));
  return String(parsed);
}

/** Paths have known fields only: a client's own keys may be secret. */
function report(state: State, message: string): void {
  if (state.errors.length === FIELD_ERRORS_MAX) return;
  let path = state.field;
  if (state.inEvents && state.level >= EVENTS_LEVEL) {
    path = `events[${state.event}]`;
    if (state.field !== '' && state.level >= EVENT_LEVEL) path += `.${state.field}`;
  }
  const last = state.errors.at(-1);
  if (last?.path !== path || last.message !== message) state.errors.push({ path, message });
}
