/** The funnel: how many users had its events, in order. */
import { z } from 'zod';
import { FUNNEL_STEPS_MAX, FUNNEL_STEPS_MIN } from '../domain/limits.js';
import { app, parameter, range } from './parameters.js';
import { question } from './question.js';
import { countedNames } from './shapes.js';

const steps = parameter<string[], string>(
  `${FUNNEL_STEPS_MIN} to ${FUNNEL_STEPS_MAX} event names, separated by commas`,
  {
    type: 'string',
    description: 'Event names in order, separated by commas; a name may repeat.',
    example: 'view,cart',
  },
  (text) => {
    const steps = text.split(',').map((step) => step.trim());
    const named = steps.filter((step) => step !== '');
    return named.length < FUNNEL_STEPS_MIN || named.length > FUNNEL_STEPS_MAX ? undefined : named;
  },
);

export const funnel = question({
  path: '/v1/query/funnel',
  summary: 'How many users reached each step, in order',
  tag: 'Queries',
  ask: z.object({ steps, app, ...range }),
  answer: z.object({ steps: countedNames }),
  lane: 'heavy',
});
