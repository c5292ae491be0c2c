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

t.test(
  'DSH-05 DSH-06 what other tools ask for, and misspelt paths, are a 404 that any page may read',
  async (t) => {
    const closed = await startCollector({ apps: apps('inventory'), auth: { dashboard_password: 'secret' } });
    t.teardown(() => closed.close());
    const tools: [string, RegExp][] = [
      ...['/api/42/envelope/?sentry_key=x', '/api/42/store/', '/API/1/envelope/', '/%61pi/42/envelope/'].map(
        (path): [string, RegExp] => [path, /does not speak Sentry's protocol/],
      ),
      ...[
        '/array/phc_x/config',
        '/batch',
        '/batch/',
        '/e/?v=1',
        '/s/',
        '/i/v0/e/',
        '/flags/?v=2',
        '/decide/',
      ].map((path): [string, RegExp] => [path, /does not speak PostHog's protocol/]),
      ...['/static/array.js', '/api/surveys/?token=x'].map((path): [string, RegExp] => [path, /PostHog's/]),
      ...['/otlp/v1/logs', '/v1/logs', '/v1/traces', '/v1/metrics', '/v1/traces/'].map(
        (path): [string, RegExp] => [path, /does not speak OpenTelemetry's protocol/],
      ),
      ...['/api', '/api/send', '/api/%'].map((path): [string, RegExp] => [path, /protocol of another tool/]),
      ...[
        '//v1/query/events',
        '//',
        '/V1/query/events',
        '/SDK/spyglass.js',
        '/healthz/',
        '/Readyz',
        '/METRICS',
      ].map((path): [string, RegExp] => [path, /matched as they are written/]),
      ...['/readyz//', '/metrics/x', '//etc/passwd'].map((path): [string, RegExp] => [
        path,
        /as they are written/,
      ]),
    ];
    const origin = { origin: 'https://shop.example', 'sec-fetch-site': 'cross-site' };
    for (const { url } of [c, closed]) {
      for (const [path, says] of tools) {
        for (const method of ['GET', 'POST', 'PUT', 'OPTIONS']) {
          const answer = await ask(url, path, {
            method,
            headers: origin,
            ...(method === 'POST' && { body: 'x' }),
          });
          t.equal(answer.status, 404, `${method} ${path}`);
          t.equal(answer.headers['access-control-allow-origin'], '*');
          t.match(problemOf(answer, 404).detail, says, path);
        }
        const preflight = await ask(url, path, {
          method: 'OPTIONS',
          headers: {
            ...origin,
            'access-control-request-method': 'POST',
            'access-control-request-headers': 'content-type,x-sentry-auth',
          },
        });
        t.equal(preflight.status, 204, path);
        t.match(preflight.headers, {
          'access-control-allow-origin': '*',
          'access-control-allow-methods': 'POST',
          'access-control-allow-headers': 'content-type,x-sentry-auth',
        });
      }
      t.equal((await ask(url, '/api/1/envelope/', { method: 'HEAD' })).status, 404);
    }
    const said = c.lines.map((line) => JSON.parse(line)).filter(({ tool }) => tool);
    t.same(
      said.map(({ tool, level }) => [tool, level]),
      ['Sentry', 'PostHog', 'OpenTelemetry', 'another tool'].map((tool) => [tool, 40]),
      'one line a tool, however often it asks',
    );
    t.notMatch(c.lines.join(), 'sentry_key');
  },
);
