/**
 * Paths that clients of other tools ask for, and spellings of our own that are none. They are refused so that whoever sent
 * the client here can read why, in a browser too: with the dashboard's page it would take a 200 for an answer.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { FOREIGN_CLIENT_LOG_MS } from '../../domain/limits.js';
import type { Logger } from '../context.js';
import { sendProblem } from '../errors.js';
import { decodedPath } from '../path.js';

const MISSPELT =
  'There is nothing at this path. Paths are matched as they are written: in lower case, with one slash before each part ' +
  'and none behind the last.';

/** The first that fits decides. */
const KINDS: readonly { path: RegExp; tool?: string }[] = [
  { path: /^\/\// },
  { path: /^\/(V1|(?!sdk)[sS][dD][kK]|(?!assets)[aA][sS]{2}[eE][tT][sS])(\/|$)/ },
  { path: /^\/(healthz|readyz|metrics)(\/|$)/i },
  { path: /^\/v1\/(logs|traces|metrics)\/?$/, tool: 'OpenTelemetry' },
  { path: /^\/otlp(\/|$)/i, tool: 'OpenTelemetry' },
  { path: /^\/api\/[^/]+\/(envelope|store|minidump|security|unreal)(\/|$)/i, tool: 'Sentry' },
  {
    path: /^\/api\/(surveys|early_access_features|feature_flag|projects|environments)(\/|$)/i,
    tool: 'PostHog',
  },
  { path: /^\/(array|batch|e|s|i|flags|decide|static)(\/|$)/i, tool: 'PostHog' },
  { path: /^\/api(\/|$)/i, tool: 'another tool' },
];

const detailOf = (tool: string): string =>
  `This is a spyglass collector; it does not speak ${tool === 'another tool' ? 'the protocol of another tool' : `${tool}'s protocol`}. ` +
  'Nothing was stored. Point this client at its own server, or use the SDK that is at /sdk/spyglass.js.';

export type Foreign = ReturnType<typeof createForeign>;

export function createForeign(log: Logger) {
  /** When each tool was last logged, by `performance.now()`. */
  const said = new Map<string, number>();

  const note = (tool: string, reqId: string) => {
    const now = performance.now();
    if (now - (said.get(tool) ?? Number.NEGATIVE_INFINITY) < FOREIGN_CLIENT_LOG_MS) return;
    said.set(tool, now);
    log.warn({ reqId, tool }, 'a client of another tool sends to this collector, which refuses it');
  };

  return {
    /** Whether the path, which no route has, is one of these. */
    has: (path: string): boolean => kindOf(path) !== undefined,
    /** Answers 404 to whoever asks from wherever; a preflight 204, so that a browser sends the request and reads that 404. */
    answer(request: FastifyRequest, reply: FastifyReply, path: string): FastifyReply {
      reply.header('access-control-allow-origin', '*');
      const { 'access-control-request-method': method, 'access-control-request-headers': headers } =
        request.raw.headers;
      if (request.method === 'OPTIONS' && method !== undefined) {
        return reply
          .code(204)
          .header('access-control-allow-methods', method)
          .header('access-control-allow-headers', headers ?? '*')
          .header('access-control-max-age', '86400')
          .send();
      }
      const tool = kindOf(path)?.tool;
      if (tool !== undefined) note(tool, request.id);
      const detail = tool === undefined ? MISSPELT : detailOf(tool);
      return sendProblem(reply, { code: 'not_found', detail });
    },
  };
}

function kindOf(sent: string): (typeof KINDS)[number] | undefined {
  const path = decodedPath(sent);
  return KINDS.find((kind) => kind.path.test(path));
}
