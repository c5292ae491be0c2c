/** The API's description of itself: `/openapi.json`, and `/docs`, a page that shows it without a script. */
import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { type DescribedRoute, type JsonSchema, type OpenApi, type Operation, openApi } from '../openapi.js';

const STYLE = `
:root { color-scheme: light dark; --ground: #fff; --ink: #1a1d1c; --soft: #5a605b; --line: #e3e1da; --sunken: #f5f4f0;
  --accent: #0b6963; --mark: #e0f0ed; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #101312; --ink: #e6ebe8; --soft: #9ba6a1; --line: #2a302e; --sunken: #171b1a;
    --accent: #4fc0b5; --mark: #14302d; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1.5rem 1.25rem 4rem; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.75rem; }
h2 { margin: 3rem 0 0; padding-bottom: 0.25rem; border-bottom: 1px solid var(--line); font-size: 1.25rem; }
h3 { margin: 2rem -0.5rem 0; padding: 0.25rem 0.5rem; border-radius: 6px; font-size: 1rem; overflow-wrap: anywhere;
  scroll-margin-top: 0.75rem; }
p { margin: 0.25rem 0; max-width: 44rem; }
a { color: var(--accent); }
nav a, h3 a, pre a { text-decoration: none; }
nav a:hover, h3 a:hover, pre a:hover { text-decoration: underline; }
h3:target { background: var(--mark); }
code, pre { font: 13px/1.55 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
h3 a { color: inherit; }
h3 code { font-size: 15px; }
.method { color: var(--accent); }
.soft { color: var(--soft); }
nav { margin-top: 1.5rem; font-size: 13px; }
nav ul { margin: 0.25rem 0 0.75rem; padding: 0; list-style: none; columns: 17rem; }
nav li { overflow-wrap: anywhere; break-inside: avoid; }
nav li a { color: inherit; }
table { width: 100%; margin: 0.5rem 0; border-collapse: collapse; font-size: 14px; }
td { padding: 0.3rem 1rem 0.3rem 0; border-top: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
td:first-child { width: 9rem; }
td .soft { display: block; font-size: 13px; }
pre { margin: 0.5rem 0 0; padding: 0.75rem 1rem; background: var(--sunken); border-radius: 6px; white-space: pre-wrap;
  overflow-wrap: anywhere; }
pre i { color: var(--soft); font-style: normal; }
summary { margin-top: 0.5rem; color: var(--soft); cursor: pointer; font-size: 14px; }
@media (min-width: 64rem) {
  body { display: grid; grid-template-columns: 17rem minmax(0, 1fr); column-gap: 3rem; }
  header { grid-column: 1 / -1; }
  nav { position: sticky; top: 0; align-self: start; max-height: 100vh; padding: 1rem 0; overflow-y: auto; }
  nav ul { columns: auto; }
  main > section:first-child > h2 { margin-top: 1.75rem; }
}`;

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
  for (const url of ['/docs', '/docs/']) {
    app.get(url, (_request, reply) =>
      reply
        .header('content-type', 'text/html; charset=utf-8')
        .header('content-security-policy', CSP)
        .send(docsPage(describe())),
    );
  }
}

interface Section {
  name: string;
  routes: { method: string; path: string; operation: Operation }[];
}

function docsPage({ info, tags, paths, components }: OpenApi): string {
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
  const sections = tags.map(({ name }) => ({
    name,
    routes: routes.filter(({ operation }) => operation.tags.includes(name)),
  }));
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>spyglass API</title><style>${STYLE}</style></head>
<body>
<header><h1>spyglass API <span class="soft">${escapeHtml(info.version)}</span></h1>
<p>${escapeHtml(info.description)}</p>
<p>For programs: <a href="/openapi.json">openapi.json</a></p></header>
<nav aria-label="Contents">${sections.map(contents).join('')}<a href="#shapes">Shapes</a></nav>
<main>${sections.map(section).join('\n')}
<section><h2 id="shapes">Shapes</h2>${Object.entries(components.schemas).map(sharedShape).join('')}</section></main>
</body>
</html>
`;
}

const contents = ({ name, routes }: Section): string =>
  `<a href="#${idOf(name)}">${name}</a><ul>${routes
    .map(({ method, path }) => `<li><a href="#${idOf(method, path)}">${method} ${escapeHtml(path)}</a></li>`)
    .join('')}</ul>`;

const section = ({ name, routes }: Section): string =>
  `<section><h2 id="${idOf(name)}">${name}</h2>${routes.map(route).join('')}</section>`;

function route({ method, path, operation }: Section['routes'][number]): string {
  const { summary, description, parameters = [], requestBody, responses } = operation;
  const rows = parameters.map(({ name, in: place, required, description = '', schema }) =>
    row(
      `<code>${escapeHtml(name)}</code><span class="soft">${place}${required ? ', required' : ''}</span>`,
      `${escapeHtml(description)}<span class="soft">${shape(schema)}</span>`,
    ),
  );
  const answers = Object.entries(responses).map(([status, { description }]) =>
    row(status, escapeHtml(description === 'Default Response' ? 'What was asked for' : description)),
  );
  const id = idOf(method, path);
  return `<h3 id="${id}"><a href="#${id}"><code><span class="method">${method}</span> ${escapeHtml(path)}</code></a></h3>
<p>${escapeHtml(summary)}.</p>${description === undefined ? '' : `<p>${escapeHtml(description)}</p>`}
${table(rows)}${shapes('Body', requestBody?.content)}
${table(answers)}${shapes('Answer', responses['200']?.content)}`;
}

/** The shapes of a body or an answer, by media type. */
const shapes = (what: string, content: Record<string, { schema: JsonSchema }> = {}): string =>
  Object.entries(content)
    .map(
      ([type, { schema }]) =>
        `<details><summary>${what}, ${escapeHtml(type)}</summary><pre>${shape(schema)}</pre></details>`,
    )
    .join('');

const sharedShape = ([name, schema]: readonly [string, JsonSchema]): string =>
  `<h3 id="${idOf(name)}"><a href="#${idOf(name)}"><code>${name}</code></a></h3><pre>${shape(schema)}</pre>`;

/** A schema in the notation of TypeScript, as HTML. */
function shape(schema: JsonSchema, indent = ''): string {
  const { $ref, anyOf, enum: choices, type, items, properties = {} } = schema;
  if ($ref !== undefined) {
    const name = $ref.slice($ref.lastIndexOf('/') + 1);
    return `<a href="#${idOf(name)}">${name}</a>`;
  }
  if (anyOf) return anyOf.map((one) => shape(one, indent)).join(' | ');
  if (choices) return escapeHtml(choices.map((choice) => JSON.stringify(choice)).join(' | '));
  if (items) return type === 'array' ? `${shape(items, indent)}[]` : 'any';
  const members = Object.entries(properties).map(([name, member]) => {
    const { description = '' } = member;
    const isOptional = !schema.required?.includes(name);
    const says = description === '' ? '' : `  <i>// ${escapeHtml(description)}</i>`;
    return `${indent}  ${escapeHtml(name)}${isOptional ? '?' : ''}: ${shape(member, `${indent}  `)}${says}\n`;
  });
  if (members.length > 0) return `{\n${members.join('')}${indent}}`;
  return escapeHtml(`${type ?? 'any'}${bounds(schema)}`);
}

function bounds({ minimum, exclusiveMinimum, maximum, default: byDefault }: JsonSchema): string {
  const least = exclusiveMinimum === undefined ? minimum : exclusiveMinimum + 1;
  const from = least === undefined ? '' : ` from ${least}`;
  const to = maximum === undefined ? '' : ` to ${maximum}`;
  return `${from}${to}${byDefault === undefined ? '' : `, default ${byDefault}`}`;
}

const table = (rows: readonly string[]): string =>
  rows.length === 0 ? '' : `<table>${rows.join('')}</table>`;

const row = (...cells: readonly string[]): string =>
  `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;

/** Where a link leads: `get-v1-events-id`. */
const idOf = (...words: readonly string[]): string =>
  words
    .join(' ')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/-$/, '');

const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
