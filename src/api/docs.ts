/** The API's own description: `/openapi.json`, made from the schemas of the routes, and the page at `/docs` that renders it. */
import swagger from '@fastify/swagger';
import { type FastifyInstance, fastify } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { Api } from './context.js';
import { sendProblem } from './errors.js';
import { sendJson } from './event-json.js';
import { takeOver } from './take-over.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the description says of a request that fastify itself does not validate. */
    documented?: { body?: unknown; headers?: unknown; consumes?: string[] };
  }
}

/** The page has its scripts and styles from this server; the styles it also sets on elements are its own. */
const DOCS_CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Begins to take note of routes. To be awaited before any of them is added. */
export async function describeRoutes(app: Api, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'spyglass',
        version,
        description:
          'Times are Unix milliseconds, days are UTC. A parameter given as an empty string counts as absent. Every error ' +
          'is a problem (RFC 9457).',
      },
      tags: ['Ingest', 'Queries', 'Replay', 'Incidents', 'Live', 'Operator'].map((name) => ({ name })),
      components: { securitySchemes: { password: { type: 'http', scheme: 'basic' } } },
      security: [{ password: [] }],
    },
    transform: (document) => {
      const { documented } = document.route.config ?? {};
      return jsonSchemaTransform({ ...document, schema: { ...document.schema, ...documented } });
    },
    transformObject: jsonSchemaTransformObject,
  });
}

/** Adds `/openapi.json`, and `/docs`, whose libraries are loaded when somebody first opens it. */
export function docsRoutes(app: Api): void {
  let openapi: string | undefined;
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    openapi ??= JSON.stringify(app.swagger());
    return sendJson(reply, openapi);
  });

  let page: Promise<FastifyInstance> | undefined;
  for (const url of ['/docs', '/docs/*']) {
    app.get(url, { schema: { hide: true } }, async (request, reply) => {
      page ??= buildDocsPage(app);
      const { routing } = await page;
      routing(request.raw, takeOver(reply));
    });
  }
  app.addHook('onClose', async () => {
    await (await page)?.close();
  });
}

/** A small server of its own for the page: plugins cannot join one that has started. It never listens. */
async function buildDocsPage(app: Api): Promise<FastifyInstance> {
  const { default: swaggerUi } = await import('@fastify/swagger-ui');
  const page = fastify();
  page.setNotFoundHandler((_request, reply) =>
    sendProblem(reply, { code: 'not_found', detail: 'There is nothing at this path.' }),
  );
  await page.register(swagger);
  await page.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: DOCS_CSP,
    transformSpecification: () => app.swagger(),
    transformSpecificationClone: false,
    theme: { title: 'spyglass API' },
    uiConfig: { defaultModelsExpandDepth: 0, tryItOutEnabled: false },
  });
  await page.ready();
  return page;
}
