/** `/v1/sessions/:id/replay`: what was recorded of a session, and each chunk of it as it was sent. */
import type { StoredChunk } from '../../store/port.js';
import type { Api, ApiContext } from '../context.js';
import { ProblemError } from '../errors.js';
import { clientAddress } from '../guards/client-address.js';
import {
  chunkBytes,
  chunkPath,
  manifestAnswer,
  notModified,
  problems,
  sessionPath,
  sessionQuery,
} from '../schemas.js';
import { appOfSession, referTo } from '../session-paths.js';

const refusals = problems(
  'invalid_parameter',
  'unauthorized',
  'forbidden',
  'not_found',
  'ambiguous_session',
  'locked_out',
  'read_timeout',
  'view_not_ready',
);

/** Adds the manifest and the chunk route. */
export function sessionRoutes(app: Api, { config, store, audit, now }: ApiContext): void {
  app.get(
    '/v1/sessions/:id/replay',
    {
      schema: {
        summary: "A session's replay chunks, in order",
        tags: ['Replay'],
        params: sessionPath,
        querystring: sessionQuery,
        response: { 200: manifestAnswer, ...refusals },
      },
    },
    async (request) => {
      const { id } = request.params;
      const owner = await appOfSession(store, id, request.query.app);
      const chunks = owner === undefined ? [] : await store.chunks(owner, id);
      if (owner === undefined || chunks.length === 0) {
        throw new ProblemError('not_found', 'There is no replay of this session.');
      }
      return { session_id: id, chunks: referTo(chunks, owner, id, config.apps) };
    },
  );
  app.get(
    '/v1/sessions/:id/replay/:seq',
    {
      schema: {
        summary: 'One replay chunk, gzipped as it was sent',
        tags: ['Replay'],
        params: chunkPath,
        querystring: sessionQuery,
        response: { 200: chunkBytes, 304: notModified, ...refusals },
      },
    },
    async (request, reply) => {
      const { id, seq } = request.params;
      const owner = await appOfSession(store, id, request.query.app);
      const chunk = owner === undefined ? undefined : await store.chunk(owner, id, seq);
      if (chunk === undefined) throw new ProblemError('not_found', 'There is no such chunk of this session.');
      if (owner !== undefined) {
        const { role, name } = request.access;
        await audit.note({
          at: now(),
          role,
          name,
          address: clientAddress(request),
          app: owner,
          session_id: id,
        });
      }
      // A chunk may be replaced, so it is kept with the reader and asked about again each time.
      reply.header('etag', `"${chunk.etag}"`).header('cache-control', 'private, no-cache');
      if (isCurrent(request.headers['if-none-match'], chunk)) return reply.code(304).send(undefined);
      return reply
        .header('content-type', 'application/json')
        .header('content-encoding', 'gzip')
        .send(Buffer.from(chunk.bytes.buffer, chunk.bytes.byteOffset, chunk.bytes.byteLength));
    },
  );
}

/** Whether `If-None-Match` names what is stored, by the weak comparison of RFC 9110, 13.1.2. */
function isCurrent(ifNoneMatch: string | undefined, { etag }: StoredChunk): boolean {
  if (ifNoneMatch === undefined) return false;
  const tags = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(`"${etag}"`);
}
