/** Answers where no route does: the dashboard's page, a 404, or a 405 with the methods there are. */
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { sendProblem } from '../errors.js';
import { decodedPath } from '../path.js';
import type { Foreign } from './foreign.js';

/** Answers with the dashboard's page. */
export type SendPage = (reply: FastifyReply) => FastifyReply;

/** Unknown paths below these are no view of the dashboard. */
const NOT_OF_THE_PAGE = /^\/(v1|sdk|assets)(\/|$)/;

export function createFallback(sendPage: SendPage, foreign: Foreign) {
  const known: { pattern: RegExp; methods: string[] }[] = [];

  const methodsOf = (path: string): string[] => {
    const methods = known.filter(({ pattern }) => pattern.test(path)).flatMap((entry) => entry.methods);
    return [...new Set(methods)].sort();
  };

  const isForeign = (path: string): boolean => methodsOf(path).length === 0 && foreign.has(path);

  return {
    /** Whether another tool's client asks, or a path of ours is misspelt: anybody may read the answer. */
    isForeign,
    /** fastify's `onRoute` hook. */
    note({ url, method }: Pick<RouteOptions, 'url' | 'method'>): void {
      known.push({ pattern: patternOf(url), methods: [method].flat() });
    },
    /** fastify's not-found handler. */
    answer(request: FastifyRequest, reply: FastifyReply): FastifyReply {
      const path = pathOf(request);
      if (isForeign(path)) return foreign.answer(request, reply, path);
      const methods = methodsOf(path);
      const ofThePage = methods.length === 0 && !NOT_OF_THE_PAGE.test(decodedPath(path));
      if (ofThePage && (request.method === 'GET' || request.method === 'HEAD')) return sendPage(reply);
      if (methods.length === 0 && !ofThePage)
        return sendProblem(reply, { code: 'not_found', detail: 'There is nothing at this path.' });
      const allow = ofThePage ? 'GET, HEAD' : methods.join(', ');
      reply.header('allow', allow);
      return sendProblem(reply, { code: 'method_not_allowed', detail: `This path takes ${allow}.` });
    },
  };
}

/** The path as it was sent, without its query. */
export function pathOf(request: FastifyRequest): string {
  const { url } = request.raw;
  return url?.split('?', 1)[0] ?? '/';
}

function patternOf(url: string): RegExp {
  const segments = url.split('/').map((segment) => {
    if (segment === '*') return '.*';
    if (segment.startsWith(':')) return '[^/]+';
    return segment.replace(/[.+?^$(){}|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${segments.join('/')}$`);
}
