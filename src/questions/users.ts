/** The list of users. */
import { z } from 'zod';
import { app, limit, user } from './parameters.js';
import { question } from './question.js';
import { count, unixMs } from './shapes.js';

const userRow = z.object({
  user_id: z.string(),
  app: z.string(),
  last_seen: unixMs,
  session_count: count,
  first_seen: unixMs,
  name: z.string().optional(),
  email: z.string().optional(),
});
export type UserRow = z.output<typeof userRow>;

export const users = question({
  path: '/v1/query/users',
  summary: 'Active users, last seen first',
  tag: 'Queries',
  ask: z.object({ app, user, limit: limit() }),
  /** Equal times: by `user_id`, then `app`, in order of UTF-8 bytes. */
  answer: z.object({ users: z.array(userRow) }),
  lane: 'light',
});
