/** The API's own description: `/openapi.json`, made from the schemas of the routes, and the page at `/docs` that renders it. */
import type {} from '@fastify/swagger';
import { type FastifyError, type FastifyInstance, fastify } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { takeOver } from '../bodies/take-over.js';
import type { Api } from '../context.js';
import { refusalOf, sendProblem } from '../errors.js';
import { sendJson } from '../event-json.js';
import { NO_COMPILERS, withZod } from '../zod-routes.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the description says of a request that fastify itself does not validate. */
    documented?: { body?: unknown; headers?: unknown; consumes?: string[] };
  }
}

const TAGS = ['Ingest', 'Queries', 'Replay', 'Incidents', 'Live', 'Operator'];

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

/**
 * Adds `/openapi.json` and `/docs`. They cost nothing until somebody first asks: only then `addRoutes` adds the routes once
 * more, to a small server of its own that takes note of them and has the page. It never listens.
 */
export function docsRoutes(app: Api, version: string, addRoutes: (app: Api) => void): void {
  let described: Promise<FastifyInstance> | undefined;
  const describe = () => {
    described ??= buildDocs(version, addRoutes);
    return described;
  };
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    const docs = await describe();
    return sendJson(reply, JSON.stringify(docs.swagger()));
  });
  for (const url of ['/docs', '/docs/*']) {
    app.get(url, { schema: { hide: true } }, async (request, reply) => {
      const { routing } = await describe();
      routing(request.raw, takeOver(reply));
    });
  }
  app.addHook('onClose', async () => {
    await (await described)?.close();
  });
}

async function buildDocs(version: string, addRoutes: (app: Api) => void): Promise<FastifyInstance> {
  const [{ default: swagger }, { default: swaggerUi }] = await Promise.all([
    import('@fastify/swagger'),
    import('@fastify/swagger-ui'),
  ]);
  const docs = fastify({ schemaController: NO_COMPILERS });
  docs.setErrorHandler((error: FastifyError, request, reply) =>
    sendProblem(reply, refusalOf(error, request.id)),
  );
  docs.setNotFoundHandler((_request, reply) =>
    sendProblem(reply, { code: 'not_found', detail: 'There is nothing at this path.' }),
  );
  await docs.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'spyglass',
        version,
        description:
          'Times are Unix milliseconds, days are UTC. A parameter given as an empty string counts as absent. Every error ' +
          'is a problem (RFC 9457).',
      },
      tags: TAGS.map((name) => ({ name })),
      components: { securitySchemes: { password: { type: 'http', scheme: 'basic' } } },
      security: [{ password: [] }],
    },
    transform: (document) => {
      const { documented } = document.route.config ?? {};
      return jsonSchemaTransform({ ...document, schema: { ...document.schema, ...documented } });
    },
    transformObject: (document) => {
      const described = jsonSchemaTransformObject(document);
      // Each named schema comes twice, as it is read and as it is written; all of ours are written only.
      const schemas = ('components' in described && described.components?.schemas) || {};
      for (const name of Object.keys(schemas)) if (name.endsWith('Input')) delete schemas[name];
      return described;
    },
  });
  await docs.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: DOCS_CSP,
    theme: { title: 'spyglass API' },
    uiConfig: { layout: 'BaseLayout', defaultModelsExpandDepth: 0 },
  });
  addRoutes(withZod(docs));
  await docs.ready();
  return docs;
}
