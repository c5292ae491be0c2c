/** `/v1/audit`: who watched which replay, for the operator. */
import type { Api, ApiContext } from '../context.js';
import { auditAnswer, auditQuery, problems } from '../schemas.js';

/** Adds the route. */
export function auditRoute(app: Api, { audit }: ApiContext): void {
  app.get(
    '/v1/audit',
    {
      schema: {
        summary: 'Who watched which replay, newest first',
        tags: ['Operator'],
        querystring: auditQuery,
        response: {
          200: auditAnswer,
          ...problems('invalid_parameter', 'unauthorized', 'forbidden', 'locked_out'),
        },
      },
    },
    async (request) => ({ entries: await audit.list(request.query.limit) }),
  );
}
