/** `POST /v1/events`: the hot path. Bytes go from the socket to `ingest` as they are; this thread never looks inside. */
import type { FastifyRequest } from 'fastify';
import { eventBatchSchema } from '../../ingest/schema.js';
import type { IngestRequest } from '../../ingest/types.js';
import type { Api, ApiContext } from '../context.js';
import { DISK_FULL, NOT_ACCEPTING, sendProblem } from '../errors.js';
import { noContent, problems } from '../schemas.js';

const EMPTY = Buffer.alloc(0);

/** Adds the route; the scope it is added to reads every body into a buffer, and answers preflights. */
export function eventsIngestRoute(app: Api, context: ApiContext): void {
  const { config, ingest, metrics, noteRefusal, now, hasFailed, disk } = context;
  app.post(
    '/v1/events',
    {
      bodyLimit: config.limits.body_bytes,
      // Documented only: the bytes are parsed and validated by `ingest`, with the same schema.
      config: { documented: { body: eventBatchSchema } },
      schema: {
        summary: 'Store a batch of events, whole or not at all',
        tags: ['Ingest'],
        security: [],
        response: {
          204: noContent,
          ...problems(
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
          ),
        },
      },
    },
    (request, reply) => {
      if (hasFailed() || !disk.takesEvents()) {
        sendProblem(reply, hasFailed() ? NOT_ACCEPTING : DISK_FULL);
        metrics.countIngest('events', reply.statusCode);
        return;
      }
      ingest(ingestRequest(request, now())).then(
        (refusal) => {
          if (refusal === undefined) {
            reply.code(204).send(undefined);
          } else {
            sendProblem(reply, refusal);
            noteRefusal('events', request.id, refusal.code);
          }
          metrics.countIngest('events', reply.statusCode);
        },
        (error) => reply.send(error),
      );
    },
  );
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
