/** One event. */
import { z } from 'zod';
import { foundEventJson } from './answer-json.js';
import { integerFrom } from './parameters.js';
import { question } from './question.js';
import * as shapes from './shapes.js';

export const event = question({
  path: '/v1/events/:id',
  summary: 'One event',
  tag: 'Queries',
  ask: z.object({ id: integerFrom(1, 'The id of the event.') }),
  answer: shapes.event,
  lane: 'light',
  refusals: ['not_found'],
  render: foundEventJson,
});
