/** The operator's routes: is it alive, is it ready, what does it count, which apps does it know. */
import { z } from 'zod';
import { keysOf } from '../../ingest/keyring.js';
import type { Api, ApiContext } from '../context.js';
import { ProblemError } from '../errors.js';
import { appsAnswer, healthAnswer, problems } from '../schemas.js';

/** Adds `/healthz` and `/readyz`, which whoever watches the process reads without a password. */
export function healthRoutes(app: Api, { isReady }: ApiContext): void {
  app.get(
    '/healthz',
    {
      schema: {
        summary: 'Whether the process lives',
        tags: ['Operator'],
        security: [],
        response: { 200: healthAnswer },
      },
    },
    async () => ({ status: 'ok' }),
  );
  app.get(
    '/readyz',
    {
      schema: {
        summary: 'Whether the store is open and its views are caught up',
        tags: ['Operator'],
        security: [],
        response: { 200: healthAnswer, ...problems('not_accepting') },
      },
    },
    async () => {
      if (!isReady()) throw new ProblemError('not_accepting', 'The store is not ready.');
      return { status: 'ready' };
    },
  );
}

/** Adds `/metrics` and `/v1/apps`. */
export function operatorRoutes(app: Api, { config, metrics, version }: ApiContext): void {
  app.get(
    '/metrics',
    {
      schema: {
        summary: 'Figures for Prometheus',
        tags: ['Operator'],
        response: {
          200: { description: 'Prometheus text', content: { 'text/plain': { schema: z.string() } } },
          ...problems('unauthorized', 'forbidden', 'locked_out'),
        },
      },
    },
    async (_request, reply) => {
      const { contentType, text } = await metrics.render();
      return reply.header('content-type', contentType).send(text);
    },
  );
  app.get(
    '/v1/apps',
    {
      schema: {
        summary: 'The configured apps with their keys',
        tags: ['Operator'],
        response: { 200: appsAnswer, ...problems('unauthorized', 'locked_out') },
      },
    },
    async ({ access }) => ({
      apps: Object.entries(config.apps)
        .filter(([name]) => access.app === undefined || access.app === name)
        .map(([name, app]) => ({
          name,
          ...(access.role === 'operator' ? { key: keysOf(app)[0] } : {}),
          origins: [...app.origins],
        })),
      role: access.role,
      dashboard_password: config.auth.dashboard_password !== undefined,
      version,
    }),
  );
}
