/** Reads any body: `JSON.parse` for the syntax, a scan for what that hides, the schema for the verdict. */
import assert from 'node:assert/strict';
import type { z } from 'zod';
import { cutText, type JsonText, type NewEvent, type Person } from '../domain/event.js';
import { columnsOf } from '../domain/event-columns.js';
import { FIELD_ERRORS_MAX, JSON_DEPTH_MAX, PERSON_TEXT_MAX, TEXT_MAX } from '../domain/limits.js';
import type { FieldError, Refusal } from '../domain/problems.js';
import { scanJson, tooExpensive } from './scan.js';
import { batchIdSchema, type ClientEvent, eventSchema, sentAtSchema } from './schema.js';
import type { ContentOutcome, EnvelopeOutcome } from './types.js';

/** Reads the envelope of a body of valid UTF-8; calling the envelope's `content` validates the events. */
export function readExact(bytes: Buffer): EnvelopeOutcome {
  // First, since JSON.parse takes a fifth of a second for a body of small objects and arrays.
  const expensive = tooExpensive(bytes);
  if (expensive === 'depth')
    return refuse('invalid_json', `The body nests deeper than ${JSON_DEPTH_MAX} levels.`);
  if (expensive === 'parts')
    return refuse('invalid_json', 'The body has too many small objects and arrays: send smaller batches.');
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
  given: { events: readonly unknown[]; batchId: unknown; sentAt: unknown },
): ContentOutcome {
  const { props, errors } = scanJson(bytes);
  const batchId = validateField(batchIdSchema.nullish(), 'batch_id', given.batchId, errors) ?? undefined;
  const sentAt = validateField(sentAtSchema.nullish(), 'sent_at', given.sentAt, errors) ?? undefined;
  const propsTexts = Array.from(props, (span) =>
    span === undefined ? undefined : (bytes.toString('utf8', span.start, span.end) as JsonText),
  );
  const events = validateEvents(given.events, propsTexts, errors);
  const [first] = errors;
  if (first !== undefined) {
    const detail = `${first.path}: ${first.message}`;
    return { refusal: { code: 'invalid_event', detail, errors: errors.slice(0, FIELD_ERRORS_MAX) } };
  }
  assert(events.length === given.events.length, 'every event is valid');
  return { content: { columns: columnsOf(events), batchId, sentAt } };
}

/** Makes events of parsed `events` and their `props` texts; adds up to `FIELD_ERRORS_MAX` errors. */
export function validateEvents(
  parsed: readonly unknown[],
  props: readonly (JsonText | undefined)[],
  errors: FieldError[],
): NewEvent[] {
  const events: NewEvent[] = [];
  for (const [index, candidate] of parsed.entries()) {
    if (errors.length >= FIELD_ERRORS_MAX) break;
    const verdict = eventSchema.safeParse(candidate);
    if (verdict.success) events.push(newEvent(verdict.data, props[index]));
    else addIssues(errors, ['events', index], verdict.error);
  }
  return events;
}

function validateField<T>(
  schema: z.ZodType<T>,
  path: string,
  candidate: unknown,
  errors: FieldError[],
): T | undefined {
  const verdict = schema.safeParse(candidate);
  if (verdict.success) return verdict.data;
  addIssues(errors, [path], verdict.error);
  return undefined;
}

/** `ts` is not corrected yet: 0 where the client gave none. */
function newEvent(valid: ClientEvent, props: JsonText | undefined): NewEvent {
  const event: NewEvent = {
    ts: valid.ts ?? 0,
    user_id: valid.user_id,
    session_id: valid.session_id,
    type: valid.type,
    name: cutText(valid.name, TEXT_MAX),
  };
  if (typeof valid.url === 'string') event.url = cutText(valid.url, TEXT_MAX);
  if (props !== undefined) event.props = props;
  const user = personOf(valid.user);
  if (user !== undefined) event.user = user;
  return event;
}

function personOf(given: ClientEvent['user']): Person | undefined {
  const person: Person = {};
  if (typeof given?.name === 'string') person.name = cutText(given.name, PERSON_TEXT_MAX);
  if (typeof given?.email === 'string') person.email = cutText(given.email, PERSON_TEXT_MAX);
  return person.name === undefined && person.email === undefined ? undefined : person;
}

function addIssues(errors: FieldError[], under: readonly PropertyKey[], { issues }: z.ZodError): void {
  for (const issue of issues) {
    if (errors.length >= FIELD_ERRORS_MAX) return;
    errors.push({ path: pathText([...under, ...issue.path]), message: issue.message });
  }
}

/** Such as `events[3].user_id`. */
const pathText = (path: readonly PropertyKey[]): string =>
  path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .slice(1);

/** Gives the position only: V8's message quotes the text around it, which may be the key. */
function notJson(error: unknown): string {
  const position = error instanceof Error ? / at position (\d+)/.exec(error.message)?.[1] : undefined;
  return position === undefined ? 'The body is not JSON.' : `The body is not JSON: see position ${position}.`;
}

function refuse(code: Refusal['code'], detail: string, errors?: FieldError[]): EnvelopeOutcome {
  return { refusal: errors === undefined ? { code, detail } : { code, detail, errors } };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
