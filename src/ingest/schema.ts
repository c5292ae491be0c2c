/** The body of `POST /v1/events` as zod schemas, for validation and for `/openapi.json`. */
import { z } from 'zod';
import { EVENT_TYPES } from '../domain/event.js';
import {
  BATCH_ID_MAX,
  BATCH_ID_MIN,
  MAX_TS,
  PERSON_TEXT_MAX,
  SESSION_ID_MAX,
  TEXT_MAX,
  USER_ID_MAX,
} from '../domain/limits.js';

/** `Cc` is C0, DEL and C1. */
const NO_CONTROL = /^\P{Cc}*$/u;
/** HTTP clients remove these path segments, so nobody could ask for a session of that name. */
const NOT_DOTS = /^(?!\.\.?$)/u;

const noControl = { error: 'must not contain control characters' };

function id(max: number) {
  return z
    .string({ error: missingOr('must be a string') })
    .min(1, { error: 'must not be empty' })
    .max(max, { error: `must be at most ${max} characters` })
    .regex(NO_CONTROL, noControl);
}

function missingOr(message: string) {
  return (issue: { input?: unknown }) =>
    issue.input === undefined || issue.input === null ? 'is required' : message;
}

const time = z
  .int({ error: 'must be a whole number of milliseconds' })
  .min(0, { error: 'must not be negative' })
  .max(MAX_TS, { error: `must be at most ${MAX_TS}` });

const anObject = { error: 'must be an object' };
const aString = { error: 'must be a string' };

export const userIdSchema = id(USER_ID_MAX).describe('Who did it, as the app knows them.');

export const sessionIdSchema = id(SESSION_ID_MAX)
  .regex(NOT_DOTS, { error: 'must not be "." or ".."' })
  .describe('The visit it belongs to; sessions are per app.');

export const personSchema = z
  .object(
    {
      name: z.string(aString).nullish().describe(`Cut at ${PERSON_TEXT_MAX} characters.`),
      email: z.string(aString).nullish().describe(`Cut at ${PERSON_TEXT_MAX} characters.`),
    },
    anObject,
  )
  .describe('How to show the user; the newest wins.');

export const eventSchema = z
  .object(
    {
      ts: time
        .nullish()
        .describe(
          'When it happened, Unix ms. Absent or 0, over 1 h ahead or before 2000, it is the time of receipt.',
        ),
      user_id: userIdSchema,
      session_id: sessionIdSchema,
      type: z.enum(EVENT_TYPES, { error: missingOr(`must be one of ${EVENT_TYPES.join(', ')}`) }),
      name: z
        .string({ error: missingOr('must be a string') })
        .min(1, { error: 'must not be empty' })
        .describe(`What happened; cut at ${TEXT_MAX} characters.`),
      url: z.string(aString).nullish().describe(`Where it happened; cut at ${TEXT_MAX} characters.`),
      // z.record would take an object with a `constructor` key for a class instance.
      props: z.looseObject({}, anObject).nullish().describe('Anything else; given back exactly as sent.'),
      user: personSchema.nullish(),
    },
    anObject,
  )
  .describe('Something that happened in an app. Unknown fields are ignored, `app` among them.');

export const batchIdSchema = z
  .string(aString)
  .min(BATCH_ID_MIN, { error: `must be at least ${BATCH_ID_MIN} characters` })
  .max(BATCH_ID_MAX, { error: `must be at most ${BATCH_ID_MAX} characters` })
  .regex(NO_CONTROL, noControl)
  .describe('Makes a retry safe: within 7 days the same batch_id of an app is stored once.');

export const sentAtSchema = time.describe(
  "The client's clock as it sends, Unix ms. Over a minute off the time of receipt, every ts shifts by the difference.",
);

export const eventBatchSchema = z
  .object(
    {
      app: z.string({ error: missingOr('must be a string') }).describe("The app's slug."),
      key: z.string({ error: missingOr('must be a string') }).describe("The app's ingest key."),
      events: z
        .array(eventSchema, { error: missingOr('must be an array') })
        .describe('Stored whole or not at all, in this order.'),
      batch_id: batchIdSchema.nullish(),
      sent_at: sentAtSchema.nullish(),
    },
    anObject,
  )
  .describe('A batch of events of one app.');

/** An event as a client may send it. */
export type ClientEvent = z.infer<typeof eventSchema>;
