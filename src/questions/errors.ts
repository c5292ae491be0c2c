/** Error groups: errors of one app with the same message and top stack frame. */
import { z } from 'zod';
import { app, limit, range, text } from './parameters.js';
import { question } from './question.js';
import { count, countedDays, eventId, truncated, unixMs } from './shapes.js';

export const group = text('The id of an error group, as a listing gave it.');

const errorGroup = z.object({
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
  truncated: truncated.describe('Only the latest days are in by_day.'),
});
export type ErrorGroupRow = z.output<typeof errorGroup>;

export const errors = question({
  path: '/v1/query/errors',
  summary: 'Errors by message and top stack frame, most frequent first',
  tag: 'Queries',
  ask: z.object({ app, ...range, group: group.optional(), limit: limit() }),
  /** Equal counts: latest `last_seen` first, then greatest `last_event_id`. */
  answer: z.object({
    groups: z.array(errorGroup).describe('Greatest count first; everything counted within the range.'),
    truncated: truncated.describe('Groups were left out, or earlier days of groups that say so too.'),
  }),
  lane: 'heavy',
});
