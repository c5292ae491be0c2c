/** `/v1/audit`: who watched which replay, for the operator. */
import type { FastifyInstance } from 'fastify';
import type { ApiContext } from '../context.js';
import { json, validated } from '../route.js';
import { auditAnswer, auditAsk } from '../schemas.js';

/** Adds the route. */
export function auditRoute(app: FastifyInstance, { audit }: ApiContext): void {
  const config = {
    access: { role: 'operator', scope: 'all' },
    describe: {
      summary: 'Who watched which replay, newest first',
      tag: 'Operator',
      ask: auditAsk,
      answers: { 200: json(auditAnswer) },
      refusals: ['invalid_parameter', 'unauthorized', 'forbidden', 'locked_out'],
    },
  } as const;
  app.get('/v1/audit', { config }, async ({ query }) => ({
    entries: await audit.list(validated(auditAsk, query).limit),
  }));
}
