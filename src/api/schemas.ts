/** The parameters and answers of the API as zod schemas: they validate what comes in, and `/openapi.json` is made of them. */
import { z } from 'zod';
import { EVENT_TYPES, type EventType } from '../domain/event.js';
import {
  APP_NAME_MAX,
  CHUNK_SEQ_MAX,
  FUNNEL_STEPS_MAX,
  FUNNEL_STEPS_MIN,
  LIST_LIMIT_DEFAULT,
  LIST_LIMIT_MAX,
  MAX_ID,
  MAX_TS,
  SESSION_ID_MAX,
  TOP_LIMIT_DEFAULT,
  TOP_LIMIT_MAX,
  USER_ID_MAX,
} from '../domain/limits.js';
import { PROBLEMS, type ProblemCode } from '../domain/problems.js';
import { sessionIdSchema } from '../ingest/schema.js';
import type { EventPosition } from '../store/port.js';
import { parseCursor } from './cursor.js';

// --- parameters: text in a URL, given once, whole numbers in plain decimal

type Documentation = Record<string, unknown> & { type: string; description?: string };

/** A parameter that `read` makes a value of; where it cannot, the request is refused with "must be `expected`". */
function parameter<T>(expected: string, documentation: Documentation, read: (text: string) => T | undefined) {
  return z
    .unknown()
    .meta(documentation)
    .transform((raw, context): T => {
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

function text(description: string) {
  return parameter('text', { type: 'string', description }, (text) => text);
}

/** An id nobody and nothing has: control characters in ids are refused. */
const NO_ID = '\0';

/**
 * An id to look for. One longer than any can be finds nothing, like others that do not exist; the store need not be asked for it
 * by a name that its keys have no room for.
 */
function idText(max: number, description: string) {
  return parameter('text', { type: 'string', description }, (text) => (text.length > max ? NO_ID : text));
}

function wholeNumber(min: number, max: number, description: string) {
  const documentation = { type: 'integer', minimum: min, maximum: max, description };
  return parameter(`a whole number from ${min} to ${max}`, documentation, (text) => {
    const value = decimal(text);
    return value !== undefined && value >= min && value <= max ? value : undefined;
  });
}

/** The value of a plain decimal; `Infinity` or a rounded one where it is beyond what numbers hold exactly. */
function decimal(text: string): number | undefined {
  return /^(0|[1-9]\d*)$/.test(text) ? Number(text) : undefined;
}

function limit(byDefault: number, max: number) {
  const description = `How many at most; more than ${max} is read as ${max}.`;
  const documentation = { type: 'integer', minimum: 1, maximum: max, default: byDefault, description };
  return parameter('a positive whole number', documentation, (text) => {
    const value = decimal(text);
    return value === undefined || value === 0 ? undefined : Math.min(value, max);
  }).default(byDefault);
}

const user = idText(USER_ID_MAX, 'Only this user id.').optional();
const app = idText(APP_NAME_MAX, 'Only this app.').optional();
const session = idText(SESSION_ID_MAX, 'Only this session id.').optional();
const type = parameter<EventType>(
  `one of ${EVENT_TYPES.join(', ')}`,
  { type: 'string', enum: EVENT_TYPES, description: 'Only events of this type.' },
  (text) => EVENT_TYPES.find((type) => type === text),
).optional();
const time = (description: string) => wholeNumber(0, MAX_TS, description).optional();
const range = {
  from: time('Not before this time, Unix ms.'),
  to: time('Not after this time, Unix ms.'),
};
const listLimit = limit(LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX);
/** An id; one beyond what numbers hold exactly is greater than any there is. */
const id = (min: number, description: string) =>
  parameter(
    min === 0 ? 'a whole number' : 'a positive whole number',
    { type: 'integer', minimum: min, description },
    (text) => {
      const value = decimal(text);
      return value === undefined || value < min ? undefined : Math.min(value, MAX_ID);
    },
  );

const cursor = parameter<EventPosition>(
  'a next_cursor of an earlier answer',
  { type: 'string', description: 'Goes on after an earlier answer: its next_cursor.' },
  parseCursor,
).optional();

export const eventsQuery = z.object({ user, type, app, session, ...range, limit: listLimit, cursor });

export const usersQuery = z.object({ app, user, limit: listLimit });
export const sessionsQuery = z.object({ app, user, limit: listLimit });

export const funnelQuery = z.object({
  steps: parameter(
    `${FUNNEL_STEPS_MIN} to ${FUNNEL_STEPS_MAX} event names, separated by commas`,
    {
      type: 'string',
      description: 'Event names in order, separated by commas; a name may repeat.',
      example: 'view,cart',
    },
    (text) => {
      const steps = text.split(',').map((step) => step.trim());
      const named = steps.filter((step) => step !== '');
      return named.length < FUNNEL_STEPS_MIN || named.length > FUNNEL_STEPS_MAX ? undefined : named;
    },
  ),
  app,
  ...range,
});

export const aggregatesQuery = z.object({ app, ...range, limit: limit(TOP_LIMIT_DEFAULT, TOP_LIMIT_MAX) });

const group = text('The id of an error group, as a listing gave it.');

export const namesQuery = z.object({
  type,
  prefix: text('Only names that begin with this.').optional(),
  app,
  limit: listLimit,
});
export const errorGroupsQuery = z.object({ app, ...range, group: group.optional(), limit: listLimit });
export const occurrencesQuery = z.object({ group, ...range, limit: listLimit, cursor });
export const activityQuery = z.object({ user: idText(USER_ID_MAX, 'The user id.'), app, ...range });

export const streamFilter = z.object({ user, type, app, session });
export const streamQuery = streamFilter.extend({
  after: id(0, 'Begin after the event with this id; without it, with what comes next.').optional(),
});
/** What a browser sends by itself when it takes a broken stream up again. */
export const lastEventId = id(0, 'The id of the last frame that arrived.').optional();

export const replayUpload = z.object({
  session: text('The session the chunk belongs to.').pipe(sessionIdSchema),
  seq: wholeNumber(1, CHUNK_SEQ_MAX, 'The place of the chunk in its session, from 1.'),
  ts: time('When the chunk begins, Unix ms.'),
  app: text('The app; without it, the one whose key it is.').optional(),
  sent_at: time(
    "The client's clock as it sends, Unix ms; over a minute off the time of receipt, ts shifts with it.",
  ),
});
export const replayHeaders = z.object({ 'x-spyglass-key': z.string().describe("The app's ingest key.") });

export const sessionPath = z.object({ id: idText(SESSION_ID_MAX, 'The session id, percent-encoded.') });
export const sessionQuery = z.object({
  app: idText(APP_NAME_MAX, 'Needed where several apps have a session of this id.').optional(),
});
export const chunkPath = sessionPath.extend({ seq: id(1, 'The number of the chunk.') });
export const incidentPath = z.object({ event_id: id(1, 'The id of an error or bug report.') });

// --- answers: they describe what is sent, nothing is checked against them on the way out

const eventId = z.int().positive().max(MAX_ID);
const unixMs = z.int().min(0).max(MAX_TS).describe('Unix ms');
const count = z.int().min(0);
const day = z.iso.date().describe('UTC day');

export const eventAnswer = z
  .object({
    id: eventId.describe('Grows by one with every event that arrives.'),
    ts: unixMs,
    app: z.string(),
    user_id: z.string(),
    session_id: z.string(),
    type: z.enum(EVENT_TYPES),
    name: z.string(),
    url: z.string().optional(),
    props: z.looseObject({}).optional().describe('Exactly as sent.'),
    user: z.object({ name: z.string().optional(), email: z.string().optional() }).optional(),
    client_ts: unixMs.optional().describe('What the client said the time was, where ts is not that.'),
  })
  .meta({ id: 'Event' });

export const eventsAnswer = z.object({
  events: z.array(eventAnswer).describe('Newest first, by ts, then id.'),
  next_cursor: z.string().optional().describe('There while there is more.'),
  head: z.int().min(0).describe('The newest committed id; 0 before any event.'),
});

export const usersAnswer = z.object({
  users: z.array(
    z.object({
      user_id: z.string(),
      app: z.string(),
      last_seen: unixMs,
      session_count: count,
      first_seen: unixMs,
      name: z.string().optional(),
      email: z.string().optional(),
    }),
  ),
});

export const sessionsAnswer = z.object({
  sessions: z.array(
    z.object({
      session_id: z.string(),
      app: z.string(),
      user_id: z.string(),
      started_at: unixMs,
      last_seen: unixMs,
      chunk_count: count,
      event_count: count,
      error_count: count,
    }),
  ),
});

const countedNames = z.array(z.object({ name: z.string(), count }));
const countedDays = z.array(z.object({ day, count }));

export const funnelAnswer = z.object({ steps: countedNames });
export const aggregatesAnswer = z.object({
  dau: countedDays,
  top_events: countedNames,
  top_pages: countedNames,
  errors_by_day: countedDays,
});

export const namesAnswer = z.object({ names: countedNames.describe('Greatest count first.') });

export const errorGroupsAnswer = z.object({
  groups: z
    .array(
      z.object({
        group: z.string().describe('Names the group in other queries; opaque.'),
        app: z.string(),
        name: z.string().describe('The message.'),
        frame: z.string().optional().describe('Where it was thrown.'),
        count,
        user_count: count,
        first_seen: unixMs,
        last_seen: unixMs,
        last_event_id: eventId,
        by_day: countedDays,
      }),
    )
    .describe('Greatest count first; everything counted within the range.'),
});

export const activityAnswer = z.object({
  days: z.array(z.object({ day, event_count: count, error_count: count, session_count: count })),
});

const chunkReference = z
  .object({ seq: z.int().positive().max(CHUNK_SEQ_MAX), ts: unixMs.optional(), path: z.string() })
  .meta({ id: 'ChunkReference' });

/** A 304. */
export const notModified = z.undefined().describe('Still what If-None-Match names.');

/** The bytes of a chunk, as they were uploaded. */
export const chunkBytes = {
  description: 'rrweb events, with Content-Encoding: gzip and an ETag',
  content: { 'application/json': { schema: z.custom<Uint8Array>().meta({ type: 'array', items: {} }) } },
};

export const manifestAnswer = z.object({ session_id: z.string(), chunks: z.array(chunkReference) });

export const incidentAnswer = z.object({
  event: eventAnswer,
  breadcrumbs: z
    .array(eventAnswer)
    .describe('Every event of the window, ascending, the event itself among them.'),
  incident_ts: unixMs,
  session_id: z.string(),
  group: z.string().optional().describe("The error's group."),
  previous_id: eventId.optional().describe('The incident before: of the group, or bug report of the app.'),
  next_id: eventId.optional().describe('The incident after.'),
  replay_cue: z
    .object({ chunks: z.array(chunkReference) })
    .optional()
    .describe('The replay chunks that overlap the window, where there are any.'),
});

export const appsAnswer = z.object({
  apps: z.array(
    z.object({
      name: z.string(),
      key: z.string().optional().describe('For the operator alone.'),
      origins: z.array(z.string()),
    }),
  ),
  role: z.enum(['operator', 'viewer', 'app']).describe('Whose password this was asked with.'),
  dashboard_password: z.boolean().describe('Whether reads ask for a password.'),
  version: z.string(),
});

const erasedUser = z.string().min(1, { error: 'must not be empty' }).max(USER_ID_MAX);
export const eraseBody = z.object({
  user: erasedUser.describe('The id of the user to erase.'),
  app: z.string().optional().describe('Only what this app has of the user; without it, what every app has.'),
});

export const eraseAnswer = z.object({
  user: z.string(),
  app: z.string().optional(),
  events: count.describe('Events that were removed.'),
  sessions: count.describe('Sessions the user had an event in.'),
  chunks: count.describe('Replay chunks of these sessions that were removed.'),
  gone_from_reads: z.literal(true),
  gone_from_disk: z
    .literal(true)
    .describe('The data file was rewritten. Backups and exports are not ours to change.'),
  file_bytes_before: count,
  file_bytes_after: count,
});

export const auditQuery = z.object({ limit: listLimit });
export const auditAnswer = z.object({
  entries: z.array(
    z.object({
      at: unixMs,
      role: z.string(),
      name: z.string().describe('What the reader called itself.'),
      address: z.string(),
      app: z.string(),
      session_id: z.string(),
    }),
  ),
});

/** A 204. */
export const noContent = z.undefined().describe('Done; durable on disk.');

export const healthAnswer = z.object({ status: z.string() });

export const problemAnswer = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem' });

/** The `response` entries of a route's schema for the problems it may answer with. */
export function problems(...codes: ProblemCode[]) {
  const titles = new Map<number, string[]>();
  for (const code of codes) {
    const { status, title } = PROBLEMS[code];
    titles.set(status, [...(titles.get(status) ?? []), title]);
  }
  return Object.fromEntries(
    [...titles].map(([status, titles]) => [
      status,
      { description: titles.join('; '), content: { 'application/problem+json': { schema: problemAnswer } } },
    ]),
  );
}

/** How any query may be refused. */
export const queryRefusals = problems(
  'invalid_parameter',
  'unauthorized',
  'forbidden',
  'locked_out',
  'read_timeout',
  'view_not_ready',
);
