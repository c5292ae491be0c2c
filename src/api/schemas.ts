/** Parameters and answers of the routes that are not questions, as zod schemas. */
import { z } from 'zod';
import { CHUNK_SEQ_MAX, USER_ID_MAX } from '../domain/limits.js';
import { sessionIdSchema } from '../ingest/schema.js';
import { eventFilter, integerFrom, limit, text, time, wholeNumber } from '../questions/parameters.js';
import { sessionAsk } from '../questions/replay.js';
import { count, unixMs } from '../questions/shapes.js';

export const streamAsk = z.object({
  ...eventFilter,
  after: integerFrom(0, 'Begin after the event with this id; without it, with what comes next.').optional(),
});
/** A browser sends it when it resumes a broken stream. */
export const lastEventId = integerFrom(0, 'The id of the last frame that arrived.').optional();

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

export const chunkAsk = z.object({ ...sessionAsk, seq: integerFrom(1, 'The number of the chunk.') });

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

export const eraseBody = z.object({
  user: z
    .string()
    .min(1, { error: 'must not be empty' })
    .max(USER_ID_MAX)
    .describe('The id of the user to erase.'),
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
    .boolean()
    .describe(
      'Whether the files that held it are gone. ClickHouse keeps them for some minutes. Backups and exports are not ours to change.',
    ),
  gone_from_disk_at: unixMs.optional().describe('When they will be, where they are not.'),
  file_bytes_before: count,
  file_bytes_after: count,
});

export const auditAsk = z.object({ limit: limit() });
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

export const healthAnswer = z.object({
  status: z.string(),
  clock: z
    .enum(['ahead', 'behind', 'unknown'])
    .optional()
    .describe('The clock is in doubt, against the newest time the store knows: see docs/reliability.md.'),
});

/** A 204. */
export const stored = { 204: { description: 'Done; durable on disk.' } };
