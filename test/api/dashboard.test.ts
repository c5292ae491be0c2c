/** Paths from outside: what serves the dashboard, what is a problem, and which methods a path knows. */
import t from 'tap';
import { startCollector } from '../support/collector.js';
import { apps, ask, problemOf, refusal } from '../support/http.js';

const c = await startCollector({ apps: apps('inventory') });
t.teardown(() => c.close());

t.test('DSH-01 DSH-02 the dashboard and every path of its own', async (t) => {
  const root = await ask(c.url, '/');
  t.equal(root.status, 200);
  t.match(root.headers['content-type'], /^text\/html\b/);
  t.match(root.text, /<!doctype html>/i);
  for (const path of [
    '/users',
    '/sessions/s_abc',
    '/a/b/c?d=e',
    '/v1x',
    '/v2/events',
    '/V1/query',
    '/?from=abc',
    '/index.html',
  ]) {
    const answer = await ask(c.url, path);
    t.equal(answer.status, 200, path);
    t.equal(answer.text, root.text, path);
  }
});

t.test('DSH-02 no path leads out of the dashboard’s files', async (t) => {
  const paths = [
    '/../package.json',
    '/..%2f..%2fpackage.json',
    '/%2e%2e/%2e%2e/package.json',
    '/....//package.json',
    '//etc/passwd',
    '/assets/..%5c..%5cpackage.json',
    '/%00',
    '/%',
  ];
  for (const path of paths) {
    const answer = await ask(c.url, path);
    t.ok(answer.status < 500, `${path}: ${answer.status}`);
    t.notMatch(answer.text, /"dependencies"|root:/);
  }
});

t.test('DSH-03 an unknown path under /v1/ is a 404 problem', async () => {
  const paths = [
    '/v1/',
    '/v1/foo',
    '/v1/query',
    '/v1/query/foo',
    '/v1/query/events/x',
    '/v1/sessions',
    '/v1/sessions/x',
    '/v1/sessions/x/replay/1/2',
    '/v1/incidents',
    '/v1/incidents/1/2',
    '/v1/%',
  ];
  for (const path of paths) {
    if (path !== '/v1/%') await refusal(c.url, path, 404);
    else problemOf(await ask(c.url, path), 400);
  }
  await refusal(c.url, '/v1/foo', 404, { method: 'POST', body: '{}' });
  await refusal(c.url, '/v1/foo', 404, { method: 'DELETE' });
});

t.test('DSH-04 a known path with the wrong method is a 405 with Allow', async (t) => {
  const known: [string, string[], string][] = [
    ['/v1/events', ['GET', 'PUT', 'DELETE', 'PATCH'], 'POST'],
    ['/v1/replay', ['GET', 'PUT', 'DELETE', 'PATCH'], 'POST'],
    ...[
      '/v1/query/events',
      '/v1/query/users',
      '/v1/query/sessions',
      '/v1/query/funnel',
      '/v1/query/aggregates',
      '/v1/sessions/s/replay',
      '/v1/sessions/s/replay/1',
      '/v1/incidents/1',
      '/v1/stream',
      '/v1/apps',
      '/healthz',
      '/readyz',
      '/metrics',
      '/openapi.json',
    ].map((path): [string, string[], string] => [path, ['POST', 'PUT', 'DELETE'], 'GET']),
  ];
  for (const [path, wrong, right] of known) {
    for (const method of wrong) {
      const answer = await ask(c.url, path, { method, ...(method === 'DELETE' ? {} : { body: '{}' }) });
      problemOf(answer, 405);
      const allowed = (answer.headers.allow ?? '').split(/\s*,\s*/);
      t.ok(allowed.includes(right), `${method} ${path} allows ${allowed}`);
      t.notOk(allowed.includes(method));
    }
  }
});
