/** Serves the built dashboard: its page, the page around recordings, and the files of both. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { sendProblem } from '../errors.js';
import type { SendPage } from './fallback.js';

/** Relative to the compiled file. */
export const DASHBOARD_DIR = join(import.meta.dirname, '../../../dashboard');

/** Everything from this server, no inline script or style, no frame around the page. */
const PAGE_CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "frame-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * A recording plays in a frame within this page and has its policy: it may use its own styles and pictures,
 * but runs no script and loads nothing, from here neither. The page's own styles are within it.
 */
const FRAME_CSP = [
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  'img-src data: blob:',
  'font-src data:',
  'media-src data: blob:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
  'sandbox allow-same-origin',
].join('; ');

const NOT_BUILT = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>spyglass</title></head>
<body>
<h1>The dashboard is not built</h1>
<p>The collector runs, and takes data in. <code>npm start</code> builds the dashboard, <code>node dashboard/build.mjs</code> does it by hand;
then start the collector again. Until then there is the <a href="/docs">API documentation</a>.</p>
</body>
</html>
`;

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Reads the files once, since a build may replace them while the collector runs. */
export function createDashboard(folder: string) {
  const assets = filesIn(join(folder, 'assets'));
  const page = pageIn(folder, 'index.html');
  const frame = pageIn(folder, 'frame.html');

  const sendAsset = (reply: FastifyReply, name: string, encodings: string) => {
    const type = CONTENT_TYPES[extname(name)];
    const plain = assets.get(name);
    if (type === undefined || plain === undefined) {
      return sendProblem(reply, { code: 'not_found', detail: 'The dashboard has no such file.' });
    }
    const gzipped = /\bgzip\b/.test(encodings) ? assets.get(`${name}.gz`) : undefined;
    reply
      .header('content-type', type)
      // The name changes with the content.
      .header('cache-control', 'public, max-age=31536000, immutable')
      .header('vary', 'Accept-Encoding');
    if (gzipped !== undefined) reply.header('content-encoding', 'gzip');
    return reply.send(gzipped ?? plain);
  };

  /** Answers with the page, or with a 503 where it was not built. */
  const sendPage: SendPage = (reply) =>
    page === undefined ? sendHtml(reply.status(503), NOT_BUILT, PAGE_CSP) : sendHtml(reply, page, PAGE_CSP);

  return {
    sendPage,
    routes(app: FastifyInstance): void {
      app.get('/', (_request, reply) => sendPage(reply));
      app.get<{ Params: { name: string } }>('/assets/:name', (request, reply) =>
        sendAsset(reply, request.params.name, String(request.headers['accept-encoding'] ?? '')),
      );
      app.get('/assets/frame.html', (_request, reply) => sendHtml(reply, frame ?? '', FRAME_CSP));
    },
  };
}

function filesIn(folder: string): Map<string, Buffer> {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return new Map(names.map((name) => [name, readFileSync(join(folder, name))]));
}

function pageIn(folder: string, name: string): string | undefined {
  const file = join(folder, name);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

function sendHtml(reply: FastifyReply, html: string, policy: string): FastifyReply {
  return reply
    .header('content-type', 'text/html; charset=utf-8')
    .header('content-security-policy', policy)
    .header('x-content-type-options', 'nosniff')
    .header('referrer-policy', 'no-referrer')
    .header('cache-control', 'no-cache')
    .send(html);
}
