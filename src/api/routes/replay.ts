/** `POST /v1/replay`: takes one gzipped chunk of a recording, byte for byte. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { madeOf } from '../../config/live-config.js';
import { CHUNKS_BYTES_MAX, DISK_RETRY_AFTER_S, RETRY_AFTER_S } from '../../domain/limits.js';
import { ProblemError } from '../../domain/problems.js';
import { correctTs } from '../../ingest/clock.js';
import { createKeyring, type Keyring } from '../../ingest/keyring.js';
import type { NewChunk } from '../../store/port.js';
import type { ApiContext } from '../context.js';
import { NOT_ACCEPTING, sendProblem } from '../errors.js';
import { validated } from '../route.js';
import { replayHeaders, replayUpload, stored } from '../schemas.js';

const NO_ROOM = 'The disk has too little space left for replays; events are taken.';
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);
const BODY = z.string().meta({ format: 'binary' }).describe('A gzip stream.');

const routeConfig = {
  describe: {
    summary: 'Store one gzipped chunk of a recording',
    tag: 'Ingest',
    ask: replayUpload,
    headers: replayHeaders,
    body: { type: 'application/octet-stream', schema: BODY },
    answers: stored,
    refusals: [
      'invalid_parameter',
      'invalid_chunk',
      'unauthorized_app',
      'origin_not_allowed',
      'body_too_large',
      'queue_full',
      'not_accepting',
      'replay_budget',
      'replay_disk_full',
    ],
  },
} as const;

/**
 * Adds the route. Its checks are in the order of those of `POST /v1/events`: size (413), the request's own shape, here its
 * parameters (400), key (401), origin (403), content (400), and last whether it can be stored (503).
 */
export function replayUploadRoute(app: FastifyInstance, context: ApiContext): void {
  const { config, store, answers, now, hasFailed, disk } = context;
  const currentKeyring = madeOf(() => config.apps, createKeyring);
  /** Bytes of chunks that are being written. */
  let storing = 0;
  app.post(
    '/v1/replay',
    { bodyLimit: config.limits.chunk_bytes, config: routeConfig },
    async (request, reply) => {
      const start = performance.now();
      const keyring = currentKeyring();
      if (hasFailed()) {
        sendProblem(reply, NOT_ACCEPTING);
        answers.refused('replay', request, reply, start, NOT_ACCEPTING.code);
        return reply;
      }
      const receivedAt = now();
      const { session, seq, ts, sent_at, app: named } = validated(replayUpload, request.query);
      const { origin, 'x-spyglass-key': key } = request.headers;

      const owner = typeof key === 'string' ? ownerOf(keyring, key, named) : undefined;
      if (owner === undefined) {
        throw new ProblemError('unauthorized_app', 'X-Spyglass-Key is not the key of this app, or of any.');
      }
      if (!keyring.allowsOrigin(owner, origin)) {
        throw new ProblemError('origin_not_allowed', 'This app does not allow this origin.');
      }
      const chunk: NewChunk = { app: owner, session, seq, receivedAt, bytes: gzipOf(request.body) };
      // As for events, 0 is a clock that does not know; a chunk, unlike an event, can do without a time.
      if (ts !== undefined && ts !== 0) {
        chunk.ts = correctTs(ts, { receivedAt, sentAt: sent_at });
      }
      if (!disk.takesReplays())
        throw new ProblemError('replay_disk_full', NO_ROOM, { retryAfterS: DISK_RETRY_AFTER_S });
      if (storing > 0 && storing + chunk.bytes.length > CHUNKS_BYTES_MAX) {
        throw new ProblemError('queue_full', 'More chunks are being written than the disk takes.', {
          retryAfterS: RETRY_AFTER_S,
        });
      }
      const retryAfterS = disk.spend(owner, chunk.bytes.length, receivedAt);
      if (retryAfterS !== undefined) {
        throw new ProblemError('replay_budget', 'The app has sent all the replay bytes it may in an hour.', {
          retryAfterS,
        });
      }
      storing += chunk.bytes.length;
      await store.putChunk(chunk).finally(() => {
        storing -= chunk.bytes.length;
      });
      answers.stored('replay', request, start);
      return reply.code(204).send(undefined);
    },
  );
}

function ownerOf(keyring: Keyring, key: string, app: string | undefined): string | undefined {
  if (app === undefined) return keyring.ownerOf(key);
  return keyring.opens(app, key) ? app : undefined;
}

function gzipOf(body: unknown): Buffer {
  if (!Buffer.isBuffer(body) || body.length === 0)
    throw new ProblemError('invalid_chunk', 'The body is empty.');
  if (body.subarray(0, GZIP_MAGIC.length).equals(GZIP_MAGIC)) return body;
  throw new ProblemError('invalid_chunk', 'The body is not a gzip stream.');
}
