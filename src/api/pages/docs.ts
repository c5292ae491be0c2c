/** The API's description of itself: `/openapi.json`, and `/docs`, a page that shows it without a script. */
import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { type DescribedRoute, type OpenApi, type Operation, openApi } from '../openapi.js';

const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#ddd, #333); --soft: light-dark(#666, #999); }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 3rem; border-bottom: 1px solid var(--line); }
h3 { margin: 2rem 0 0; font-size: 1rem; }
h3 code { font-size: 1rem; }
p { margin: 0.25rem 0; }
table { border-collapse: collapse; width: 100%; margin: 0.5rem 0; }
td { border-top: 1px solid var(--line); padding: 0.3rem 1rem 0.3rem 0; vertical-align: top; overflow-wrap: anywhere; }
td:first-child { width: 30%; }
pre { overflow-x: auto; padding: 0.75rem; border: 1px solid var(--line); border-radius: 4px; font-size: 13px; }
summary, .soft { color: var(--soft); }`;

const CSP = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Adds both, of the routes that `described` gives; they are put together when somebody first asks. */
export function docsRoutes(app: FastifyInstance, version: string, described: () => DescribedRoute[]): void {
  let made: OpenApi | undefined;
  const describe = () => {
    made ??= openApi(version, described());
    return made;
  };
  app.get('/openapi.json', (_request, reply) =>
    reply.header('content-type', 'application/json; charset=utf-8').send(JSON.stringify(describe())),
  );
  app.get('/docs', (_request, reply) =>
    reply
      .header('content-type', 'text/html; charset=utf-8')
      .header('content-security-policy', CSP)
      .send(docsPage(describe())),
  );
}

function docsPage({ info, tags, paths, components }: OpenApi): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const sections = tags.map(({ name }) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(name));
    return `<h2>${escapeHtml(name)}</h2>${own.map(({ path, method, operation }) => section(`${method} ${path}`, operation)).join('')}`;
  });
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>spyglass API</title><style>${STYLE}</style></head>
<body>
<h1>spyglass API ${escapeHtml(info.version)}</h1>
<p>${escapeHtml(info.description)}</p>
<p>For programs: <a href="/openapi.json">openapi.json</a></p>
${sections.join('\n')}
<h2>Shapes</h2>${Object.entries(components.schemas).map(shape).join('')}
</body>
</html>
`;
}

function section(
  title: string,
  { summary, description, parameters, requestBody, responses }: Operation,
): string {
  const rows = (parameters ?? []).map(({ name, in: place, required, description = '', schema }) =>
    row(
      `<code>${escapeHtml(name)}</code>`,
      `${required ? 'required, ' : ''}${place}`,
      escapeHtml(description),
      limits(schema),
    ),
  );
  const answers = Object.entries(responses).map(([status, response]) =>
    row(
      status,
      escapeHtml(response.description === 'Default Response' ? 'What was asked for' : response.description),
    ),
  );
  const bodies = [
    ...Object.entries(requestBody?.content ?? {}).map(
      ([type, { schema }]) => [`Body, ${type}`, schema] as const,
    ),
    ...Object.entries(responses)
      .filter(([status]) => Number(status) < 300)
      .flatMap(([, { content }]) => Object.entries(content ?? {}))
      .map(([type, { schema }]) => [`Answer, ${type}`, schema] as const),
  ];
  return `<h3 id="${escapeHtml(title.replace(' ', ''))}"><code>${escapeHtml(title)}</code></h3><p>${escapeHtml(summary)}</p>
${description === undefined ? '' : `<p class="soft">${escapeHtml(description)}</p>`}
${rows.length === 0 ? '' : `<table>${rows.join('')}</table>`}<table>${answers.join('')}</table>
${bodies.map(shape).join('')}`;
}

/** What a value may be, in a few words. */
function limits({
  type,
  enum: choices,
  minimum,
  maximum,
  default: byDefault,
}: Record<string, unknown>): string {
  const bounds = minimum === undefined && maximum === undefined ? '' : ` ${minimum ?? ''} … ${maximum ?? ''}`;
  const says = Array.isArray(choices) ? choices.join(', ') : `${type ?? 'any'}${bounds}`;
  return `<span class="soft">${escapeHtml(says)}${byDefault === undefined ? '' : escapeHtml(`, default ${byDefault}`)}</span>`;
}

const row = (...cells: readonly string[]): string =>
  `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;

const shape = ([name, schema]: readonly [string, object]): string =>
  `<details><summary>${escapeHtml(name)}</summary><pre>${escapeHtml(JSON.stringify(schema, undefined, 2))}</pre></details>`;

const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
