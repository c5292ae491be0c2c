/** The list of events. */
import { z } from 'zod';
import { LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX } from '../domain/limits.js';
import { pageJson } from './event-json.js';
import { cursor, eventFilter, limit, range } from './parameters.js';
import { question } from './question.js';
import { eventsPage } from './shapes.js';

export const events = question({
  path: '/v1/query/events',
  summary: 'Events, newest first',
  description: `At most ${LIST_LIMIT_DEFAULT} unless told, ${LIST_LIMIT_MAX} at most; next_cursor leads on.`,
  tag: 'Queries',
  ask: z.object({ ...eventFilter, ...range, limit: limit(), cursor }),
  answer: eventsPage,
  lane: 'light',
  render: pageJson,
});
