/** `GET /sdk/:file`: the browser SDK, for pages of any origin. Its files are read once, at start. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { FastifyInstance } from 'fastify';
import { ProblemError } from '../../domain/problems.js';

const FOLDER = join(import.meta.dirname, '../../../public/sdk');
/** The only file whose name does not change with its content. */
const ENTRY = 'spyglass.js';
const YEAR_S = 31_536_000;

export function sdkRoute(app: FastifyInstance): void {
  const names = existsSync(FOLDER) ? readdirSync(FOLDER).filter((name) => name.endsWith('.js')) : [];
  const files = new Map(names.map((name) => [name, sdkFile(readFileSync(join(FOLDER, name)))]));
  app.get<{ Params: { file: string } }>('/sdk/:file', async (request, reply) => {
    const name = request.params.file;
    const file = files.get(name);
    if (file === undefined) throw new ProblemError('not_found', 'The SDK has no such file.');
    reply
      .header('cache-control', name === ENTRY ? 'public, no-cache' : `public, max-age=${YEAR_S}, immutable`)
      .header('etag', file.etag)
      .header('vary', 'Accept-Encoding')
      // Browsers fetch modules, as chunks are, by CORS; and a page's policy can require the second header.
      .header('access-control-allow-origin', '*')
      .header('cross-origin-resource-policy', 'cross-origin');
    const { 'if-none-match': known, 'accept-encoding': accepted } = request.headers;
    if (known?.includes(file.etag)) return reply.code(304).send();
    reply.header('content-type', 'text/javascript; charset=utf-8');
    if (!accepted?.includes('gzip')) return reply.send(file.plain);
    return reply.header('content-encoding', 'gzip').send(file.gzipped);
  });
}

function sdkFile(plain: Buffer): { etag: string; plain: Buffer; gzipped: Buffer } {
  const digest = createHash('sha256').update(plain).digest('base64url').slice(0, 22);
  return { etag: `"${digest}"`, plain, gzipped: gzipSync(plain, { level: 9 }) };
}
