/** `GET /sdk/:file`: the browser SDK, for pages of any origin. */
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { ProblemError } from '../../domain/problems.js';
import { readSdkFiles } from '../pages/sdk-files.js';

const FOLDER = fileURLToPath(new URL('../../../public/sdk/', import.meta.url));
const YEAR_S = 31_536_000;

export function sdkRoute(app: FastifyInstance): void {
  const files = readSdkFiles(FOLDER);
  app.get<{ Params: { file: string } }>('/sdk/:file', async (request, reply) => {
    const file = files.get(request.params.file);
    if (file === undefined) throw new ProblemError('not_found', 'The SDK has no such file.');
    reply
      .header('cache-control', file.immutable ? `public, max-age=${YEAR_S}, immutable` : 'public, no-cache')
      .header('etag', file.etag)
      .header('vary', 'Accept-Encoding')
      // Chunks are modules, which browsers fetch by CORS; and a page may keep out whatever does not invite it.
      .header('access-control-allow-origin', '*')
      .header('cross-origin-resource-policy', 'cross-origin');
    const { 'if-none-match': known, 'accept-encoding': accepted } = request.headers;
    if (known?.includes(file.etag)) return reply.code(304).send();
    reply.header('content-type', 'text/javascript; charset=utf-8');
    if (!accepted?.includes('gzip')) return reply.send(file.plain);
    return reply.header('content-encoding', 'gzip').send(file.gzipped);
  });
}
