/** The page at `/`: says what runs here and where to go on. One file without scripts, for a phone and a wide screen alike. */
import { createHash } from 'node:crypto';

const STYLE = `
:root { color-scheme: light dark; --ink: #1d2733; --soft: #5b6875; --line: #d9dfe6; --paper: #fff; --ground: #f3f5f8; --accent: #0b63c5; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6ebf1; --soft: #9aa7b5; --line: #2c3742; --paper: #171e26; --ground: #0f141a; --accent: #6cb2ff; }
}
* { box-sizing: border-box; }
body { margin: 0; padding: clamp(1rem, 5vw, 4rem) 1rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: clamp(1.25rem, 4vw, 2.5rem); background: var(--paper);
  border: 1px solid var(--line); border-radius: 0.75rem; }
h1 { margin: 0 0 0.25rem; font-size: 1.75rem; line-height: 1.2; letter-spacing: -0.01em; }
h2 { margin: 2rem 0 0.5rem; font-size: 1.05rem; }
p { margin: 0 0 1rem; }
.soft { color: var(--soft); }
.running { display: inline-block; margin: 0 0 1.25rem; padding: 0.15rem 0.7rem; border-radius: 1rem; font-size: 0.875rem;
  color: #0d6b3c; background: #dcf5e7; }
@media (prefers-color-scheme: dark) { .running { color: #7fe0ac; background: #123524; } }
dl { display: grid; grid-template-columns: minmax(10rem, auto) 1fr; gap: 0.4rem 1.5rem; margin: 0; }
dt, dd { margin: 0; }
@media (max-width: 34rem) { dl { display: block; } dd { margin: 0 0 0.75rem; } }
a { color: var(--accent); }
code, pre { font: 0.875rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre { margin: 0; padding: 1rem; overflow-x: auto; border: 1px solid var(--line); border-radius: 0.5rem; background: var(--ground); }
`;

const ICON =
  'data:image/svg+xml,' +
  encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><g fill="none" stroke="#0b63c5" stroke-width="2">' +
      '<circle cx="7" cy="7" r="4.5"/><path d="m10.5 10.5 4 4" stroke-linecap="round"/></g></svg>',
  );

/** Nothing from elsewhere, no script at all, and no frame around it. */
export const PAGE_CSP = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The page as HTML; `app` is one of those configured, for the example. */
export function pageHtml(app: string, version: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>spyglass</title>
<link rel="icon" href="${ICON}">
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>spyglass</h1>
<p class="soft">A collector for internal web apps: events, replays, errors and incidents, in one process and one folder.</p>
<p class="running">Running, version ${escapeHtml(version)}</p>
<p>This collector takes data in and answers queries over HTTP. It has no dashboard yet; until then, this page is here to
say so.</p>
<h2>Look around</h2>
<dl>
<dt><a href="/docs">API documentation</a></dt><dd>every route, to read and to try</dd>
<dt><a href="/v1/query/events">Newest events</a></dt><dd>what came in last, as JSON</dd>
<dt><a href="/v1/apps">Apps and keys</a></dt><dd>what to send with</dd>
<dt><a href="/metrics">Metrics</a></dt><dd>for Prometheus</dd>
<dt><a href="/openapi.json">OpenAPI</a></dt><dd>the same documentation for tools</dd>
</dl>
<h2>Send an event</h2>
<pre><code>POST /v1/events

{ "app": "${escapeHtml(app)}",
  "key": "the app's key",
  "events": [
    { "user_id": "alice",
      "session_id": "s_1",
      "type": "event",
      "name": "hello" } ] }</code></pre>
</main>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
