/** Reads any body there can be: `JSON.parse` for the syntax, a scan for what that hides, the schema for the verdict. */
import assert from 'node:assert/strict';
import type { JsonText } from '../domain/event.js';
import { columnsOf } from '../domain/event-columns.js';
import { JSON_DEPTH_MAX } from '../domain/limits.js';
import type { Refusal } from '../domain/problems.js';
import {
  type Content,
  type ContentOutcome,
  type EnvelopeOutcome,
  ERRORS_MAX,
  type FieldError,
} from './content.js';
import { isTooDeep, scanJson } from './scan.js';
import { batchIdSchema, sentAtSchema } from './schema.js';
import { validateEvents, validateField } from './validate.js';

/** Reads the envelope of a body of valid UTF-8; the events are looked at when the envelope's `content` is asked for. */
export function readExact(bytes: Buffer): EnvelopeOutcome {
  // Before JSON.parse: a million nested arrays would cost it a fifth of a second.
  if (isTooDeep(bytes)) return refuse('invalid_json', `The body nests deeper than ${JSON_DEPTH_MAX} levels.`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    return refuse('invalid_json', notJson(error));
  }
  if (!isRecord(parsed)) return refuse('invalid_envelope', 'The body must be a JSON object.');

  const { app, key, events } = parsed;
  const errors: FieldError[] = [];
  if (typeof app !== 'string') errors.push({ path: 'app', message: 'must be a string' });
  if (typeof key !== 'string') errors.push({ path: 'key', message: 'must be a string' });
  if (!Array.isArray(events)) errors.push({ path: 'events', message: 'must be an array' });
  if (typeof app !== 'string' || typeof key !== 'string' || !Array.isArray(events)) {
    return refuse(
      'invalid_envelope',
      'The body needs a string app, a string key and an array events.',
      errors,
    );
  }
  const { batch_id: batchId, sent_at: sentAt } = parsed;
  const content = () => readContent(bytes, { events, batchId, sentAt });
  return { envelope: { app, key, eventCount: events.length, content } };
}

function readContent(
  bytes: Buffer,
  said: { events: readonly unknown[]; batchId: unknown; sentAt: unknown },
): ContentOutcome {
  const { props, errors } = scanJson(bytes);
  const batchId = validateField(batchIdSchema.nullish(), 'batch_id', said.batchId, errors);
  const sentAt = validateField(sentAtSchema.nullish(), 'sent_at', said.sentAt, errors);
  const propsTexts = Array.from(props, (span) =>
    span === undefined ? undefined : (bytes.toString('utf8', span.start, span.end) as JsonText),
  );
  const events = validateEvents(said.events, propsTexts, errors);
  if (errors.length > 0) return invalid(errors);

  assert(events.length === said.events.length, 'every event is valid');
  const content: Content = { columns: columnsOf(events) };
  if (typeof batchId === 'string') content.batchId = batchId;
  if (typeof sentAt === 'number') content.sentAt = sentAt;
  return { content };
}

function invalid(errors: FieldError[]): ContentOutcome {
  const detail = `${errors[0]?.path ?? ''}: ${errors[0]?.message ?? ''}`;
  return { refusal: { code: 'invalid_event', detail, errors: errors.slice(0, ERRORS_MAX) } };
}

/** Nothing but the place: V8's message quotes the text around it, which may be the key. */
function notJson(error: unknown): string {
  const place = error instanceof Error ? / at position (\d+)/.exec(error.message)?.[1] : undefined;
  return place === undefined ? 'The body is not JSON.' : `The body is not JSON: see position ${place}.`;
}

function refuse(code: Refusal['code'], detail: string, errors?: FieldError[]): EnvelopeOutcome {
  return { refusal: errors === undefined ? { code, detail } : { code, detail, errors } };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
