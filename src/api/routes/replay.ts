/** `POST /v1/replay`: stores one gzipped chunk of a recording, byte for byte. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { madeOf } from '../../config/live-config.js';
import { CHUNKS_BYTES_MAX, RETRY_AFTER_S } from '../../domain/limits.js';
import { ProblemError } from '../../domain/problems.js';
import { plausibleTs } from '../../ingest/clock.js';
import { createKeyring, type Keyring } from '../../ingest/keyring.js';
import { type NewChunk, StoreFailed } from '../../store/port.js';
import type { ApiContext } from '../context.js';
import { REPLAY_DISK_FULL } from '../errors.js';
import { validated } from '../route.js';
import { replayHeaders, replayUpload, stored } from '../schemas.js';

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
 * Checks as `POST /v1/events` does, in its order: size (413), parameters (400), key (401), origin (403),
 * content (400), and last whether the chunk can be stored (429, 503, 507).
 */
export function replayUploadRoute(app: FastifyInstance, context: ApiContext): void {
  const { config, store, noteAnswer, now, hasFailed, disk } = context;
  const currentKeyring = madeOf(() => config.apps, createKeyring);
  let storingBytes = 0;
  app.post(
    '/v1/replay',
    { bodyLimit: config.limits.chunk_bytes, config: routeConfig },
    async (request, reply) => {
      const start = performance.now();
      const keyring = currentKeyring();
      if (hasFailed()) throw new StoreFailed();
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
      // 0 means that the client does not know. A chunk needs no time: one that cannot be is left out.
      const startedAt = ts ? plausibleTs(ts, { receivedAt, sentAt: sent_at }) : undefined;
      if (startedAt !== undefined) chunk.ts = startedAt;
      if (!disk.takesReplays())
        throw new ProblemError(REPLAY_DISK_FULL.code, REPLAY_DISK_FULL.detail, REPLAY_DISK_FULL);
      if (storingBytes > 0 && storingBytes + chunk.bytes.length > CHUNKS_BYTES_MAX) {
        throw new ProblemError('queue_full', 'More chunks are being written than the disk takes.', {
          retryAfterS: RETRY_AFTER_S,
        });
      }
      const retryAfterS = disk.spend(owner, chunk.bytes.length);
      if (retryAfterS !== undefined) {
        throw new ProblemError('replay_budget', 'The app has sent all the replay bytes it may in an hour.', {
          retryAfterS,
        });
      }
      storingBytes += chunk.bytes.length;
      try {
        await store.putChunk(chunk);
      } catch (error) {
        disk.giveBack(owner, chunk.bytes.length);
        throw error;
      } finally {
        storingBytes -= chunk.bytes.length;
      }
      noteAnswer('replay', reply.code(204), start);
      return reply.send(undefined);
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
