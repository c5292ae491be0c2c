/** `/v1/sessions/:id/replay/:seq`: one chunk of a recording, byte for byte as it was sent. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { ProblemError } from '../../domain/problems.js';
import { onlyApp } from '../../questions/answer-json.js';
import type { StoredChunk } from '../../store/port.js';
import type { ApiContext } from '../context.js';
import { appsFor } from '../guards/access.js';
import { readFor } from '../read-for.js';
import { validated } from '../route.js';
import { chunkAsk } from '../schemas.js';
import { QUESTION_REFUSALS } from './questions.js';

const BYTES = z.custom<Uint8Array>().meta({ type: 'array', items: {} });

const routeConfig = {
  access: { role: 'viewer', scope: 'app' },
  describe: {
    summary: 'One replay chunk, gzipped as it was sent',
    tag: 'Replay',
    ask: chunkAsk,
    answers: {
      200: {
        description: 'rrweb events, with Content-Encoding: gzip and an ETag',
        type: 'application/json',
        schema: BYTES,
      },
      304: { description: 'Still what If-None-Match names.' },
    },
    refusals: [...QUESTION_REFUSALS, 'not_found', 'ambiguous_session', 'too_many_replays', 'disk_full'],
  },
} as const;

const chunkPath = chunkAsk.pick({ id: true, seq: true });
const chunkQuery = chunkAsk.pick({ app: true });

export function chunkRoute(app: FastifyInstance, { store, watchings, clientAddress, now }: ApiContext): void {
  app.get('/v1/sessions/:id/replay/:seq', { config: routeConfig }, async (request, reply) => {
    const { id, seq } = validated(chunkPath, request.params);
    const apps = appsFor(request.access, validated(chunkQuery, request.query).app);
    const whom = readFor(request, reply, clientAddress);
    // A single app need not be looked up.
    const owner = onlyApp(apps?.length === 1 ? apps : await appsAmong(store.sessionApps(id, whom), apps));
    const chunk = owner === undefined ? undefined : await store.chunk(owner, id, seq, whom);
    if (owner === undefined || chunk === undefined)
      throw new ProblemError('not_found', 'There is no such chunk of this session.');
    const { role, name } = request.access;
    await watchings.note({
      at: now(),
      role,
      name,
      address: clientAddress(request),
      app: owner,
      session_id: id,
    });
    // A chunk may be replaced, so a reader's cache must ask again each time.
    reply.header('etag', `"${chunk.etag}"`).header('cache-control', 'private, no-cache');
    if (isCurrent(request.headers['if-none-match'], chunk)) return reply.code(304).send(undefined);
    return reply
      .header('content-type', 'application/json')
      .header('content-encoding', 'gzip')
      .send(Buffer.from(chunk.bytes.buffer, chunk.bytes.byteOffset, chunk.bytes.byteLength));
  });
}

const appsAmong = async (found: Promise<string[]>, apps: readonly string[] | undefined): Promise<string[]> =>
  (await found).filter((app) => apps?.includes(app) ?? true);

/** The weak comparison of `If-None-Match` (RFC 9110, 13.1.2). */
function isCurrent(ifNoneMatch: string | undefined, { etag }: StoredChunk): boolean {
  if (ifNoneMatch === undefined) return false;
  const tags = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(`"${etag}"`);
}
