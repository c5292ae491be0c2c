/** The operator's routes from outside: health, metrics, apps, and the API's description of itself. */
import t from 'tap';
import { z } from 'zod';
import { startCollector } from '../support/collector.js';
import { apps, ask, event, get, NOON, store } from '../support/http.js';
import { upload } from '../support/replay.js';
import type { ErrorGroupsAnswer } from '../support/rows.js';

const c = await startCollector({ apps: apps('inventory', 'shop') });
t.teardown(() => c.close());

t.test('OPR-01 OPR-02 it lives and is ready', async (t) => {
  for (const path of ['/healthz', '/readyz']) t.equal((await ask(c.url, path)).status, 200);
});

t.test('OPR-03 metrics are Prometheus text that counts', async (t) => {
  const metrics = async () => {
    const { status, headers, text } = await ask(c.url, '/metrics');
    t.equal(status, 200);
    t.match(headers['content-type'], /^text\/plain\b/);
    t.match(text, /\n$/, 'the last line ends');
    const lines = text.split('\n').filter((line) => line !== '');
    for (const line of lines) {
      t.match(
        line,
        /^(# (HELP|TYPE) [a-z_:][\w:]* .+|[a-z_:][\w:]*(\{.*\})? (-?[\d.]+(e[+-]?\d+)?|NaN|[+-]Inf))$/i,
      );
    }
    return new Map(
      lines
        .filter((line) => !line.startsWith('#'))
        .map((line) => line.split(/ (?=\S+$)/) as [string, string]),
    );
  };
  const before = await metrics();
  await store(c.url, 'inventory', [event(), event(), event()]);
  const after = await metrics();
  const grown = [...after].filter(([name, value]) => Number(value) - Number(before.get(name) ?? 0) === 3);
  t.ok(
    grown.some(([name]) => /event/.test(name)),
    `one of ${grown} counts events`,
  );
});

t.test('OPR-04 the apps, with the keys that the dashboard’s snippet needs', async (t) => {
  const { text } = await ask(c.url, '/v1/apps');
  const answer = JSON.parse(text) as { apps: Record<string, unknown>[] };
  t.same(
    answer.apps.map((row) => [
      Object.values(row).includes('inventory'),
      Object.values(row).includes('sg_live_secret_of_inventory'),
    ]),
    [
      [true, true],
      [false, false],
    ],
  );
  t.match(text, '"shop"');
  t.match(text, '"sg_live_secret_of_shop"');
});

interface OpenApi {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components?: { schemas?: Record<string, unknown> };
}
interface Operation {
  parameters?: { name: string; in: string; required?: boolean; schema: Record<string, unknown> }[];
  requestBody?: unknown;
  responses: Record<string, { content?: Record<string, { schema?: object }> }>;
}
const described = await get<OpenApi>(c.url, '/openapi.json');

/** The routes of the reference and the contract, with their query parameters and the answers they promise. */
const ROUTES: Record<string, { query?: string[]; statuses: string[] }> = {
  'post /v1/events': { statuses: ['204', '400', '401', '403', '413', '429', '503'] },
  'post /v1/replay': {
    query: ['session', 'seq', 'ts', 'app', 'sent_at'],
    statuses: ['204', '400', '401', '403', '413'],
  },
  'get /v1/query/events': {
    query: ['user', 'type', 'app', 'session', 'from', 'to', 'limit', 'cursor'],
    statuses: ['200', '400'],
  },
  'get /v1/query/users': { query: ['app', 'user', 'limit'], statuses: ['200', '400'] },
  'get /v1/query/sessions': { query: ['app', 'user', 'limit'], statuses: ['200', '400'] },
  'get /v1/query/funnel': { query: ['steps', 'app', 'from', 'to'], statuses: ['200', '400'] },
  'get /v1/query/aggregates': { query: ['app', 'from', 'to', 'limit'], statuses: ['200', '400'] },
  'get /v1/query/names': { query: ['type', 'prefix', 'app', 'limit'], statuses: ['200', '400'] },
  'get /v1/query/errors': { query: ['app', 'from', 'to', 'group', 'limit'], statuses: ['200', '400'] },
  'get /v1/query/occurrences': {
    query: ['group', 'from', 'to', 'limit', 'cursor'],
    statuses: ['200', '400'],
  },
  'get /v1/query/activity': { query: ['user', 'app', 'from', 'to'], statuses: ['200', '400'] },
  'get /v1/sessions/{}/replay': { query: ['app', 'cursor'], statuses: ['200', '404', '409'] },
  'get /v1/sessions/{}/replay/{}': { query: ['app'], statuses: ['200', '404', '409'] },
  'get /v1/events/{}': { statuses: ['200', '400', '404'] },
  'get /v1/incidents/{}': { statuses: ['200', '400', '404'] },
  'get /v1/stream': { query: ['user', 'type', 'app', 'session', 'after'], statuses: ['200', '400'] },
  'get /v1/apps': { statuses: ['200'] },
  'get /healthz': { statuses: ['200'] },
  'get /readyz': { statuses: ['200'] },
  'get /metrics': { statuses: ['200'] },
};
const operations = new Map(
  Object.entries(described.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [
      `${method} ${path.replaceAll(/\{[^}]*\}/g, '{}')}`,
      operation,
    ]),
  ),
);

t.test('OPR-05 every route is described, with its parameters and answers', async (t) => {
  t.match(described.openapi, /^3\./);
  for (const [route, { query = [], statuses }] of Object.entries(ROUTES)) {
    const operation = operations.get(route);
    const named = (operation?.parameters ?? []).filter((parameter) => parameter.in === 'query');
    t.same(
      named.map((parameter) => parameter.name).sort(),
      query.toSorted(),
      `${route} has these parameters`,
    );
    for (const status of statuses) t.ok(operation?.responses[status], `${route} answers ${status}`);
  }
  const replay = operations.get('post /v1/replay')?.parameters ?? [];
  t.ok(replay.some(({ name, in: place }) => place === 'header' && name.toLowerCase() === 'x-spyglass-key'));
  t.ok(operations.get('post /v1/events')?.requestBody);
});

const schemaOf = (route: string, name: string) =>
  operations.get(route)?.parameters?.find((parameter) => parameter.name === name)?.schema ?? {};

t.test('OPR-06 the parameters are described as they are checked', async (t) => {
  t.same(schemaOf('get /v1/query/events', 'type').enum, [
    'event',
    'pageview',
    'error',
    'network',
    'bug_report',
  ]);
  t.match(schemaOf('get /v1/query/events', 'limit'), { type: 'integer', minimum: 1, default: 100 });
  t.match(schemaOf('get /v1/query/aggregates', 'limit'), { type: 'integer', minimum: 1, default: 10 });
  t.match(schemaOf('post /v1/replay', 'seq'), { type: 'integer', minimum: 1, maximum: 1_000_000 });
  for (const name of ['from', 'to']) {
    t.match(schemaOf('get /v1/query/events', name), { type: 'integer', minimum: 0, maximum: 2 ** 48 - 1 });
  }
  const required = (route: string) =>
    (operations.get(route)?.parameters ?? [])
      .filter((one) => one.in === 'query' && one.required)
      .map((one) => one.name);
  t.same(required('post /v1/replay').sort(), ['seq', 'session']);
  t.same(required('get /v1/query/funnel'), ['steps']);
  t.same(required('get /v1/query/events'), []);
});

t.test('OPR-06 the answers are of the schemas described', async (t) => {
  await upload(c.url, { app: 'inventory', session: 's_1', seq: 1, ts: NOON });
  const full = { props: { a: 1 }, user: { name: 'A', email: 'a@b' }, url: '/x' };
  await store(c.url, 'inventory', [
    event({ ...full, type: 'error' }),
    event({ type: 'pageview' }),
    event({ type: 'bug_report' }),
  ]);
  const { groups } = await get<ErrorGroupsAnswer>(c.url, '/v1/query/errors');
  const answers: [string, string][] = [
    ['get /v1/query/events', '/v1/query/events?limit=2'],
    ['get /v1/query/users', '/v1/query/users'],
    ['get /v1/query/sessions', '/v1/query/sessions'],
    ['get /v1/query/funnel', '/v1/query/funnel?steps=click,click'],
    ['get /v1/query/aggregates', '/v1/query/aggregates'],
    ['get /v1/query/names', '/v1/query/names'],
    ['get /v1/query/errors', '/v1/query/errors'],
    ['get /v1/query/occurrences', `/v1/query/occurrences?group=${groups[0]?.group}`],
    ['get /v1/query/activity', '/v1/query/activity?user=alice'],
    ['get /v1/sessions/{}/replay', '/v1/sessions/s_1/replay'],
    ['get /v1/incidents/{}', '/v1/incidents/4'],
    ['get /v1/events/{}', '/v1/events/4'],
    ['get /v1/apps', '/v1/apps'],
  ];
  for (const [route, path] of answers) {
    const schema = operations.get(route)?.responses['200']?.content?.['application/json']?.schema;
    t.ok(schema && Object.keys(schema).length > 0, `${route} describes its answer`);
    const check = toZod(schema ?? {});
    const answer = await get<Record<string, unknown>>(c.url, path);
    const result = check.safeParse(answer);
    t.ok(result.success, `${path}: ${result.error?.message}`);
    t.notOk(
      check.safeParse({ ...answer, [Object.keys(answer)[0] ?? '']: -0.5 }).success,
      `${route} can fail`,
    );
  }
});

/** A check made of a described schema, its references to the document's shared schemas taken along. */
function toZod(schema: object) {
  const whole = JSON.stringify({ ...schema, $defs: described.components?.schemas ?? {} });
  return z.fromJSONSchema(JSON.parse(whole.replaceAll('#/components/schemas/', '#/$defs/')));
}

t.test('OPR-07 a page renders the description', async (t) => {
  const { status, headers, text } = await ask(c.url, '/docs/');
  t.equal(status, 200);
  t.match(headers['content-type'], /^text\/html\b/);
  t.match(text, /swagger|openapi/i);
  for (const path of Object.keys(described.paths)) t.match(text, path);
  t.equal((await ask(c.url, '/docs')).status < 400, true);
});
