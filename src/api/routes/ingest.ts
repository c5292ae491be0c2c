/** `POST /v1/events`, the hot path: bytes go from the socket to `ingest` unread. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Refusal } from '../../domain/problems.js';
import { eventBatchSchema } from '../../ingest/schema.js';
import type { IngestRequest } from '../../ingest/types.js';
import type { ApiContext } from '../context.js';
import { DISK_FULL, NOT_ACCEPTING } from '../errors.js';
import { type ClientAddress, networkOf } from '../guards/client-address.js';
import { stored } from '../schemas.js';

const EMPTY = Buffer.alloc(0);

const routeConfig = {
  describe: {
    summary: 'Store a batch of events, whole or not at all',
    tag: 'Ingest',
    // `ingest` validates the body with the same schema.
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
      'key_not_shown',
      'not_accepting',
      'disk_full',
    ],
  },
} as const;

/** The scope must read bodies into buffers and answer preflights. */
export function eventsIngestRoute(app: FastifyInstance, context: ApiContext): void {
  const { config, ingest, noteAnswer, refuse, now, hasFailed, disk, clientAddress } = context;
  app.post('/v1/events', { bodyLimit: config.limits.body_bytes, config: routeConfig }, (request, reply) => {
    const start = performance.now();
    const answer = (refusal: Refusal | undefined): void => {
      if (refusal === undefined) reply.code(204).send(undefined);
      else refuse(reply, refusal);
      noteAnswer('events', reply, start, refusal?.code);
    };
    if (hasFailed()) answer(NOT_ACCEPTING);
    else if (!disk.takesEvents()) answer(DISK_FULL);
    else ingest(ingestRequest(request, now(), clientAddress)).then(answer, (error) => reply.send(error));
  });
}

/** Assigns instead of spreading: the hot path. */
function ingestRequest(
  incoming: FastifyRequest,
  receivedAt: number,
  addressOf: ClientAddress,
): IngestRequest {
  const { raw, body } = incoming;
  const { headers } = raw;
  const request: IngestRequest = {
    body: Buffer.isBuffer(body) ? body : EMPTY,
    receivedAt,
    address: networkOf(addressOf(incoming)),
    connection: raw.socket,
  };
  const encoding = headers['content-encoding'];
  if (encoding !== undefined) request.encoding = encoding.toLowerCase();
  if (headers.origin !== undefined) request.origin = headers.origin;
  return request;
}
