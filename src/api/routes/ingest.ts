/** `POST /v1/events`: the hot path. Bytes go from the socket to `ingest` as they are; this thread never looks inside. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { eventBatchSchema } from '../../ingest/schema.js';
import type { IngestRequest } from '../../ingest/types.js';
import type { ApiContext } from '../context.js';
import { DISK_FULL, NOT_ACCEPTING, sendProblem } from '../errors.js';
import { stored } from '../schemas.js';

const EMPTY = Buffer.alloc(0);

const routeConfig = {
  describe: {
    summary: 'Store a batch of events, whole or not at all',
    tag: 'Ingest',
    // The bytes are parsed and validated by `ingest`, with the same schema.
    body: { type: 'application/json', schema: eventBatchSchema },
    answers: stored,
    refusals: [
      'invalid_json',
      'invalid_envelope',
      'invalid_event',
      'unauthorized_app',
      'origin_not_allowed',
      'body_too_large',
      'unsupported_encoding',
      'rate_limited',
      'queue_full',
      'not_accepting',
      'disk_full',
    ],
  },
} as const;

/** Adds the route; the scope it is added to reads every body into a buffer, and answers preflights. */
export function eventsIngestRoute(app: FastifyInstance, context: ApiContext): void {
  const { config, ingest, answers, now, hasFailed, disk } = context;
  app.post('/v1/events', { bodyLimit: config.limits.body_bytes, config: routeConfig }, (request, reply) => {
    const start = performance.now();
    if (hasFailed() || !disk.takesEvents()) {
      const refusal = hasFailed() ? NOT_ACCEPTING : DISK_FULL;
      sendProblem(reply, refusal);
      answers.refused('events', request, reply, start, refusal.code);
      return;
    }
    ingest(ingestRequest(request, now())).then(
      (refusal) => {
        if (refusal === undefined) {
          reply.code(204).send(undefined);
          answers.stored('events', request, start);
        } else {
          sendProblem(reply, refusal);
          answers.refused('events', request, reply, start, refusal.code);
        }
      },
      (error) => reply.send(error),
    );
  });
}

/** Built step by step: spreading what may be absent would cost more than all else here. */
function ingestRequest({ raw, body }: FastifyRequest, receivedAt: number): IngestRequest {
  const { headers } = raw;
  const request: IngestRequest = { body: Buffer.isBuffer(body) ? body : EMPTY, receivedAt };
  const encoding = headers['content-encoding'];
  if (encoding !== undefined) request.encoding = encoding.toLowerCase();
  if (headers.origin !== undefined) request.origin = headers.origin;
  return request;
}
