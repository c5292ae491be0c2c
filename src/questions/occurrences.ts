/** The events of an error group. */
import { z } from 'zod';
import { group } from './errors.js';
import { pageJson } from './event-json.js';
import { cursor, limit, range } from './parameters.js';
import { question } from './question.js';
import { eventsPage } from './shapes.js';

export const occurrences = question({
  path: '/v1/query/occurrences',
  summary: 'The events of an error group, newest first',
  tag: 'Queries',
  ask: z.object({ group, ...range, limit: limit(), cursor }),
  answer: eventsPage,
  lane: 'heavy',
  render: pageJson,
});
