/** CORS for the ingest routes, so that pages of other origins can send; no other route has it. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../../config/config.js';
import { madeOf } from '../../config/live-config.js';
import { sendProblem } from '../errors.js';

export type Cors = ReturnType<typeof createCors>;

/** Here any app may allow an origin; ingest checks the request's own app, which is in the body. */
export function createCors(config: Pick<Config, 'apps'>) {
  const known = madeOf(() => config.apps, allowedOrigins);
  const allows = (origin: string) => known().every || known().listed.has(origin);

  return {
    /** Allows the origin on the answer, an error too, when any app allows it. Call it first. */
    answerOrigin(request: FastifyRequest, reply: FastifyReply): void {
      const { origin } = request.raw.headers;
      if (origin === undefined || !allows(origin)) return;
      reply.header('access-control-allow-origin', origin);
      reply.header('access-control-allow-credentials', 'true');
      reply.header('vary', 'Origin');
    },
    /** The handler of `OPTIONS`. */
    preflight(request: FastifyRequest, reply: FastifyReply): FastifyReply {
      const { origin } = request.headers;
      reply.header('vary', 'Origin');
      if (origin !== undefined && !allows(origin))
        return sendProblem(reply, { code: 'origin_not_allowed', detail: 'No app allows this origin.' });
      return reply
        .code(204)
        .header('access-control-allow-methods', 'POST, OPTIONS')
        .header('access-control-allow-headers', 'Content-Type, Content-Encoding, X-Spyglass-Key')
        .header('access-control-max-age', '86400')
        .send();
    },
  };
}

function allowedOrigins(apps: Config['apps']): { every: boolean; listed: ReadonlySet<string> } {
  const lists = Object.values(apps).map(({ origins }) => origins);
  return { every: lists.some((origins) => origins.length === 0), listed: new Set(lists.flat()) };
}
