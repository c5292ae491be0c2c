/** The names that events have, over all time. */
import { z } from 'zod';
import { app, limit, text, type } from './parameters.js';
import { question } from './question.js';
import { countedNames } from './shapes.js';

export const names = question({
  path: '/v1/query/names',
  summary: 'Names of events, most frequent first',
  tag: 'Queries',
  ask: z.object({
    type,
    prefix: text('Only names that begin with this.').optional(),
    app,
    limit: limit(),
  }),
  /** Equal counts: by the name's UTF-8 bytes. */
  answer: z.object({ names: countedNames.describe('Greatest count first.') }),
  lane: 'heavy',
});
