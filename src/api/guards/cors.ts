/** What lets web pages of other origins send to the ingest routes, and read the answers; no other route has any of it. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../../config/config.js';
import { madeOf } from '../../config/live-config.js';
import { sendProblem } from '../errors.js';

export interface Cors {
  /** Names the origin on whatever will be the answer, errors too, when any app allows it. To be called before all else. */
  answerOrigin(request: FastifyRequest, reply: FastifyReply): void;
  /** The handler of `OPTIONS`. */
  preflight(request: FastifyRequest, reply: FastifyReply): FastifyReply;
}

/** Whether an app of a request allows its origin is for later: the app is in the body. Here any app will do. */
export function createCors(config: Pick<Config, 'apps'>): Cors {
  const known = madeOf(() => config.apps, allowedOrigins);
  const allows = (origin: string) => known().every || known().listed.has(origin);

  return {
    answerOrigin(request, reply) {
      const { origin } = request.raw.headers;
      if (origin !== undefined && allows(origin)) {
        reply.header('access-control-allow-origin', origin);
        reply.header('access-control-allow-credentials', 'true');
        reply.header('vary', 'Origin');
      }
    },
    preflight(request, reply) {
      const { origin } = request.headers;
      reply.header('vary', 'Origin');
      if (origin !== undefined && !allows(origin)) {
        return sendProblem(reply, { code: 'origin_not_allowed', detail: 'No app allows this origin.' });
      }
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
