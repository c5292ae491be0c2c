/** Shapes that answers share. */
import { z } from 'zod';
import { EVENT_TYPES } from '../domain/event.js';
import { CHUNK_SEQ_MAX, MAX_ID, MAX_TS } from '../domain/limits.js';

export const eventId = z.int().positive().max(MAX_ID);
export const unixMs = z.int().min(0).max(MAX_TS).describe('Unix ms');
export const count = z.int().min(0);
export const day = z.iso.date().describe('UTC day');

/** What an answer says that left something out to stay within its bound. */
export const truncated = z.literal(true).optional();

/** JSON as it arrives at a client. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export const event = z
  .object({
    id: eventId.describe('Grows by one with every event that arrives.'),
    ts: unixMs,
    app: z.string(),
    user_id: z.string(),
    session_id: z.string(),
    type: z.enum(EVENT_TYPES),
    name: z.string(),
    url: z.string().optional(),
    props: z
      .custom<{ [key: string]: Json }>()
      .meta({ type: 'object', properties: {}, additionalProperties: {} })
      .optional()
      .describe('Exactly as sent.'),
    user: z.object({ name: z.string().optional(), email: z.string().optional() }).optional(),
    client_ts: unixMs.optional().describe('What the client said the time was, where ts is not that.'),
    truncated: truncated.describe('Props too large for an answer were left out.'),
  })
  .meta({ id: 'Event' });

export const eventsPage = z.object({
  events: z.array(event).describe('Newest first, by ts, then id.'),
  next_cursor: z.string().optional().describe('There while there is more.'),
  head: z.int().min(0).describe('The newest committed id; 0 before any event.'),
});

const countedName = z.object({ name: z.string(), count });
const countedDay = z.object({ day, count });
export type CountedName = z.output<typeof countedName>;
export type CountedDay = z.output<typeof countedDay>;
export const countedNames = z.array(countedName);
/** Ascending; days with a count of 0 are left out. */
export const countedDays = z.array(countedDay);

export const chunkReference = z
  .object({ seq: z.int().positive().max(CHUNK_SEQ_MAX), ts: unixMs.optional(), path: z.string() })
  .meta({ id: 'ChunkReference' });
export type ChunkReference = z.output<typeof chunkReference>;
