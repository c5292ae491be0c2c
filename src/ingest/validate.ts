/** The schema's verdict on a parsed body, event by event, and the events it makes of them. */
import type { z } from 'zod';
import type { JsonText, NewEvent, Person } from '../domain/event.js';
import { PERSON_TEXT_MAX, TEXT_MAX } from '../domain/limits.js';
import { ERRORS_MAX, type FieldError } from './content.js';
import { type ClientEvent, eventSchema } from './schema.js';
import { cutText } from './text.js';

/**
 * The events of a body, made of its parsed `events` and the texts of their `props`, by index. What is wrong with
 * them is added to `errors`, until there are `ERRORS_MAX`.
 */
export function validateEvents(
  parsed: readonly unknown[],
  props: readonly (JsonText | undefined)[],
  errors: FieldError[],
): NewEvent[] {
  const events: NewEvent[] = [];
  for (const [index, candidate] of parsed.entries()) {
    if (errors.length >= ERRORS_MAX) break;
    const verdict = eventSchema.safeParse(candidate);
    if (verdict.success) events.push(newEvent(verdict.data, props[index]));
    else addIssues(errors, ['events', index], verdict.error);
  }
  return events;
}

/** Checks one field of the envelope. */
export function validateField<T>(
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

/** An event as the log takes it in, its clock not settled yet: `ts` is 0 where the client gave none. */
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
  const user = person(valid.user);
  if (user !== undefined) event.user = user;
  return event;
}

function person(said: ClientEvent['user']): Person | undefined {
  const user: Person = {};
  if (typeof said?.name === 'string') user.name = cutText(said.name, PERSON_TEXT_MAX);
  if (typeof said?.email === 'string') user.email = cutText(said.email, PERSON_TEXT_MAX);
  return user.name === undefined && user.email === undefined ? undefined : user;
}

function addIssues(errors: FieldError[], under: readonly PropertyKey[], { issues }: z.ZodError): void {
  for (const issue of issues) {
    if (errors.length >= ERRORS_MAX) return;
    errors.push({ path: pathText([...under, ...issue.path]), message: issue.message });
  }
}

function pathText(path: readonly PropertyKey[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += text === '' ? String(step) : `.${String(step)}`;
  }
  return text;
}
