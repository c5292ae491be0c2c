/** A refusal at the door as a page, for a person whose browser shows it: it has no script and loads nothing. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PROBLEMS, type Refusal } from '../domain/problems.js';
import { REQUEST_ID } from './request-id.js';

const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const STYLE = `
:root { color-scheme: light dark; --ground: #f5f4f1; --card: #fff; --line: #deddd8; --text: #1c1c1a; --dim: #5f5e59; --accent: #0f6b60 }
@media (prefers-color-scheme: dark) {
  :root { --ground: #161615; --card: #20201e; --line: #3a3936; --text: #eceae4; --dim: #a8a69e; --accent: #6cc9bb }
}
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--ground); color: var(--text); font: 1rem/1.5 system-ui, sans-serif }
main { box-sizing: border-box; width: min(28rem, 100% - 2rem); padding: 1.5rem 2rem 2rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem }
h1 { margin: 0 0 .5rem; font-size: 1.25rem }
p { margin: 0 0 1rem; overflow-wrap: anywhere }
.dim { color: var(--dim); font-size: .875rem }
a { color: var(--accent) }
`;

const TEXTS = {
  unauthorized: {
    title: 'This collector asks for a password',
    next: 'Try again, and your browser asks for it. Any user name will do. Whoever runs this collector has the password.',
  },
  locked_out: {
    title: 'Too many wrong passwords',
    next: 'Until then this address is refused, but for one attempt in 6 s by somebody who was let in from it within the last hour.',
  },
} as const;

const hasText = (code: string): code is keyof typeof TEXTS => Object.hasOwn(TEXTS, code);

/** Whether a person waits for a page. */
export const wantsPage = ({ method, headers }: FastifyRequest, { code }: Refusal): boolean =>
  (method === 'GET' || method === 'HEAD') && /\btext\/html\b/i.test(headers.accept ?? '') && hasText(code);

export function sendRefusalPage(reply: FastifyReply, { code, detail, retryAfterS }: Refusal): FastifyReply {
  const { title, next } = hasText(code) ? TEXTS[code] : { title: PROBLEMS[code].title, next: '' };
  if (retryAfterS !== undefined) reply.header('retry-after', String(retryAfterS));
  return reply
    .code(PROBLEMS[code].status)
    .header('content-type', 'text/html; charset=utf-8')
    .header('content-security-policy', POLICY)
    .header('x-content-type-options', 'nosniff')
    .header('referrer-policy', 'no-referrer')
    .header('cache-control', 'no-store')
    .header('vary', 'Accept')
    .header(REQUEST_ID, reply.request.id)
    .send(page(title, code === 'locked_out' ? `${detail} ${next}` : next));
}

/** The texts are our own: nothing of the request is in them. */
const page = (title: string, text: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · spyglass</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p>${text}</p>
<p><a href="">Try again</a></p>
<p class="dim">This is a spyglass collector.</p>
</main>
</body>
</html>
`;
