/** `/v1/stream`: events as they become durable, as server-sent events. */
import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import { ProblemError } from '../../domain/problems.js';
import { given } from '../../questions/given.js';
import type { ApiContext } from '../context.js';
import { appsFor } from '../guards/access.js';
import { clientAddress, networkOf } from '../guards/client-address.js';
import { validated } from '../route.js';
import { lastEventId, streamAsk } from '../schemas.js';

const STREAM_RETRY_AFTER_S = 10;
const HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  // Otherwise nginx buffers events.
  'x-accel-buffering': 'no',
};

const access = { role: 'viewer', scope: 'app' } as const;
const describe = {
  summary: 'New events as they are stored',
  description:
    'Each frame has an id to resume from, with Last-Event-ID or after. A frame with nothing but an id moves that on. ' +
    'The event "reset" says that events in between are gone: list anew.',
  tag: 'Live',
  ask: streamAsk,
  answers: { 200: { description: 'The stream', type: 'text/event-stream', schema: z.string() } },
  refusals: ['invalid_parameter', 'unauthorized', 'forbidden', 'locked_out', 'too_many_readers'],
} as const;

/** Adds its own `HEAD` too: fastify's would open a stream. */
export function streamRoute(app: FastifyInstance, { store, stream, places }: ApiContext): void {
  const options = { exposeHeadRoute: false, config: { access, describe } };
  app.get('/v1/stream', options, async (request, reply) => {
    const { after, app: only, ...filter } = validated(streamAsk, request.query);
    const resumed = resumeFrom(request.headers['last-event-id']) ?? after;
    const leave = places.take({ ...request.access, network: networkOf(clientAddress(request)) });
    if (leave === undefined) {
      throw new ProblemError(
        'too_many_readers',
        'The live feed has as many readers as it may have, of all or from you. Come back when some have left.',
        { retryAfterS: STREAM_RETRY_AFTER_S },
      );
    }
    if (reply.raw.closed) leave();
    else reply.raw.once('close', leave);
    const from = resumed ?? (await store.stats()).head;
    const apps = appsFor(request.access, only);
    const response = hijack(reply.headers(HEADERS));
    response.flushHeaders();
    stream.follow(response, { ...given(filter), ...(apps && { apps }) }, from);
  });
  app.head('/v1/stream', { config: { access } }, (_request, reply) => reply.headers(HEADERS).send());
}

/** Takes the response out of fastify's hands, with the headers set so far. */
function hijack(reply: FastifyReply): ServerResponse {
  reply.hijack();
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) reply.raw.setHeader(name, value);
  }
  return reply.raw;
}

/** Reads `Last-Event-ID`, which goes before `after`: that stays the same when a browser reconnects. */
function resumeFrom(header: string | string[] | undefined): number | undefined {
  if (header === undefined || header === '') return undefined;
  const parsed = lastEventId.safeParse(header);
  if (parsed.success) return parsed.data;
  throw new ProblemError('invalid_parameter', 'Last-Event-ID must be a whole number.');
}
