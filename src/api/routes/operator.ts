/** The operator's routes: is it alive, is it ready, what does it count, which apps does it know. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { ProblemError } from '../../domain/problems.js';
import { keysOf } from '../../ingest/keyring.js';
import type { ApiContext } from '../context.js';
import { json } from '../route.js';
import { appsAnswer, healthAnswer } from '../schemas.js';

/** Adds `/healthz` and `/readyz`, which whoever watches the process reads without a password. */
export function healthRoutes(app: FastifyInstance, { isReady }: ApiContext): void {
  const answers = { 200: json(healthAnswer) };
  const healthz = { summary: 'Whether the process lives', tag: 'Operator', answers, refusals: [] } as const;
  const readyz = {
    summary: 'Whether the store is open and its views are caught up',
    tag: 'Operator',
    answers,
    refusals: ['not_accepting'],
  } as const;
  app.get('/healthz', { config: { describe: healthz } }, async () => ({ status: 'ok' }));
  app.get('/readyz', { config: { describe: readyz } }, async () => {
    if (!isReady()) throw new ProblemError('not_accepting', 'The store is not ready.');
    return { status: 'ready' };
  });
}

/** Adds `/metrics` and `/v1/apps`. */
export function operatorRoutes(app: FastifyInstance, { config, metrics, version }: ApiContext): void {
  const figures = {
    access: { role: 'viewer', scope: 'all' },
    describe: {
      summary: 'Figures for Prometheus',
      tag: 'Operator',
      answers: { 200: { description: 'Prometheus text', type: 'text/plain', schema: z.string() } },
      refusals: ['unauthorized', 'forbidden', 'locked_out'],
    },
  } as const;
  app.get('/metrics', { config: figures }, async (_request, reply) => {
    const { contentType, text } = await metrics.render();
    return reply.header('content-type', contentType).send(text);
  });
  const apps = {
    access: { role: 'viewer', scope: 'app' },
    describe: {
      summary: 'The configured apps with their keys',
      tag: 'Operator',
      answers: { 200: json(appsAnswer) },
      refusals: ['unauthorized', 'locked_out'],
    },
  } as const;
  app.get('/v1/apps', { config: apps }, async ({ access }) => ({
    apps: Object.entries(config.apps)
      .filter(([name]) => access.apps?.includes(name) ?? true)
      .map(([name, app]) => ({
        name,
        ...(access.role === 'operator' ? { key: keysOf(app)[0] } : {}),
        origins: [...app.origins],
      })),
    role: access.role,
    dashboard_password: config.auth.dashboard_password !== undefined,
    version,
  }));
}
