/** Parameters of a URL, each text, as zod schemas. A schema's input type is what a client passes. */
import { z } from 'zod';
import { EVENT_TYPES, type EventType } from '../domain/event.js';
import {
  APP_NAME_MAX,
  LIST_LIMIT_DEFAULT,
  LIST_LIMIT_MAX,
  MAX_ID,
  MAX_TS,
  SESSION_ID_MAX,
  USER_ID_MAX,
} from '../domain/limits.js';
import { type EventPosition, parseCursor, parseSeqCursor } from './cursor.js';

type Documentation = Record<string, unknown> & { type: string; description?: string };

/** Where `read` gives `undefined`, the parameter is refused with "must be `expected`". */
export function parameter<T, Input = T>(
  expected: string,
  documentation: Documentation,
  read: (text: string) => T | undefined,
) {
  return z
    .custom<Input>()
    .meta(documentation)
    .transform((raw: unknown, context): T => {
      const value = typeof raw === 'string' ? read(raw) : undefined;
      if (value !== undefined) return value;
      context.addIssue({ code: 'custom', message: complaint(raw, expected) });
      return z.NEVER;
    });
}

function complaint(raw: unknown, expected: string): string {
  if (raw === undefined) return 'is required';
  if (raw === null) return 'is not percent-encoded UTF-8';
  return Array.isArray(raw) ? 'was given more than once' : `must be ${expected}`;
}

export const text = (description: string) =>
  parameter('text', { type: 'string', description }, (text) => text);

/** No id has control characters. */
const NO_ID = '\0';

/** An id to look for. One that is too long finds nothing: it would not fit a row key. */
export function idText(max: number, description: string) {
  return parameter('text', { type: 'string', description }, (text) => (text.length > max ? NO_ID : text));
}

export function wholeNumber(min: number, max: number, description: string) {
  const documentation = { type: 'integer', minimum: min, maximum: max, description };
  return parameter(`a whole number from ${min} to ${max}`, documentation, (text) => {
    const value = decimal(text);
    return value !== undefined && value >= min && value <= max ? value : undefined;
  });
}

/** Parses a plain decimal; a huge one is rounded, or `Infinity`. */
function decimal(text: string): number | undefined {
  return /^(0|[1-9]\d*)$/.test(text) ? Number(text) : undefined;
}

/** A whole number from `min` (0 or 1) on; what is greater than `max` is read as `max`. */
function clamped(min: number, max: number, documentation: Documentation) {
  return parameter(min === 0 ? 'a whole number' : 'a positive whole number', documentation, (text) => {
    const value = decimal(text);
    return value === undefined || value < min ? undefined : Math.min(value, max);
  });
}

export function limit(byDefault = LIST_LIMIT_DEFAULT, max = LIST_LIMIT_MAX) {
  const description = `How many at most; more than ${max} is read as ${max}.`;
  const documentation = { type: 'integer', minimum: 1, maximum: max, default: byDefault, description };
  return clamped(1, max, documentation).default(byDefault);
}

export const integerFrom = (min: number, description: string) =>
  clamped(min, MAX_ID, { type: 'integer', minimum: min, description });

export const time = (description: string) => wholeNumber(0, MAX_TS, description).optional();

export const range = {
  from: time('Not before this time, Unix ms.'),
  to: time('Not after this time, Unix ms.'),
};

/** The route turns it into `apps`, the apps that the reader may see. */
export const app = idText(APP_NAME_MAX, 'Only this app.').optional();

export const user = idText(USER_ID_MAX, 'Only this user id.').optional();
export const session = idText(SESSION_ID_MAX, 'Only this session id.').optional();
export const type = parameter<EventType>(
  `one of ${EVENT_TYPES.join(', ')}`,
  { type: 'string', enum: EVENT_TYPES, description: 'Only events of this type.' },
  (text) => EVENT_TYPES.find((type) => type === text),
).optional();

/** The parameters of `EventFilter`. */
export const eventFilter = { user, type, app, session };

export const cursor = parameter<EventPosition, string>(
  'a next_cursor of an earlier answer',
  { type: 'string', description: 'Goes on after an earlier answer: its next_cursor.' },
  parseCursor,
).optional();

export const chunkCursor = parameter<number, string>(
  'a next_cursor of an earlier answer',
  { type: 'string', description: 'Goes on after an earlier answer: its next_cursor.' },
  parseSeqCursor,
).optional();
