/** The list of sessions. */
import { z } from 'zod';
import { app, limit, user } from './parameters.js';
import { question } from './question.js';
import { count, unixMs } from './shapes.js';

const sessionRow = z.object({
  session_id: z.string(),
  app: z.string(),
  user_id: z.string(),
  started_at: unixMs,
  last_seen: unixMs,
  chunk_count: count,
  event_count: count,
  error_count: count,
});
export type SessionRow = z.output<typeof sessionRow>;

export const sessions = question({
  path: '/v1/query/sessions',
  summary: 'Sessions, last seen first',
  tag: 'Queries',
  ask: z.object({ app, user, limit: limit() }),
  /** Equal times: by `app`, then `session_id`, in order of UTF-8 bytes. */
  answer: z.object({ sessions: z.array(sessionRow) }),
  lane: 'light',
});
