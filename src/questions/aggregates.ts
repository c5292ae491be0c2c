/** Daily figures of a range: users, top names, errors. */
import { z } from 'zod';
import { TOP_LIMIT_DEFAULT, TOP_LIMIT_MAX } from '../domain/limits.js';
import { app, limit, range } from './parameters.js';
import { question } from './question.js';
import { countedDays, countedNames, truncated } from './shapes.js';

export const aggregates = question({
  path: '/v1/query/aggregates',
  summary: 'Daily users, top events, top pages, errors by day',
  tag: 'Queries',
  ask: z.object({ app, ...range, limit: limit(TOP_LIMIT_DEFAULT, TOP_LIMIT_MAX) }),
  answer: z.object({
    dau: countedDays,
    top_events: countedNames,
    top_pages: countedNames,
    errors_by_day: countedDays,
    truncated: truncated.describe('Only the latest days are here.'),
  }),
  lane: 'heavy',
});
