/** The operator's routes: health, metrics, apps, the audit trail. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { ProblemError } from '../../domain/problems.js';
import { keysOf } from '../../ingest/keyring.js';
import type { ApiContext } from '../context.js';
import { json, validated } from '../route.js';
import { appsAnswer, auditAnswer, auditAsk, healthAnswer } from '../schemas.js';

/** Adds `/healthz` and `/readyz`, which need no password. */
export function healthRoutes(app: FastifyInstance, { isReady, clock }: ApiContext): void {
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
    const { state } = clock();
    return state === 'trusted' ? { status: 'ready' } : { status: 'ready', clock: state };
  });
}

/** Adds `/metrics`, `/v1/apps` and `/v1/audit`. */
export function operatorRoutes(app: FastifyInstance, context: ApiContext): void {
  const { config, metrics, version, audit } = context;
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
  const watched = {
    access: { role: 'operator', scope: 'all' },
    describe: {
      summary: 'Who watched which replay, newest first',
      tag: 'Operator',
      ask: auditAsk,
      answers: { 200: json(auditAnswer) },
      refusals: ['invalid_parameter', 'unauthorized', 'forbidden', 'locked_out'],
    },
  } as const;
  app.get('/v1/audit', { config: watched }, async ({ query }) => ({
    entries: await audit.list(validated(auditAsk, query).limit),
  }));
}
