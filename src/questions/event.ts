/** One event. */
import { z } from 'zod';
import type { StoredEvent } from '../domain/event.js';
import { ProblemError } from '../domain/problems.js';
import { eventJson } from './event-json.js';
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
  render(found: StoredEvent | undefined) {
    if (found === undefined) throw new ProblemError('not_found', 'There is no event with this id.');
    return eventJson(found);
  },
});
