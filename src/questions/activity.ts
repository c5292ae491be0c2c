/** A user's days. */
import { z } from 'zod';
import { USER_ID_MAX } from '../domain/limits.js';
import { app, idText, range } from './parameters.js';
import { question } from './question.js';
import { count, day, truncated } from './shapes.js';

const activityDay = z.object({ day, event_count: count, error_count: count, session_count: count });
export type ActivityDay = z.output<typeof activityDay>;

export const activity = question({
  path: '/v1/query/activity',
  summary: "A user's days",
  tag: 'Queries',
  ask: z.object({ user: idText(USER_ID_MAX, 'The user id.'), app, ...range }),
  /** Ascending; days without an event are left out. */
  answer: z.object({
    days: z.array(activityDay),
    truncated: truncated.describe('Only the latest days are here.'),
  }),
  lane: 'heavy',
});
