/** What a browser's own headers say against a request: foreign hosts without a password, and changes from other sites. */
import { connect } from 'node:net';
import t from 'tap';
import { startCollector } from '../support/collector.js';
import { apps, ask, basic, event, keyOf, postEvents, problemOf } from '../support/http.js';

const READS = [
  '/',
  '/v1/query/events',
  '/v1/apps',
  '/metrics',
  '/openapi.json',
  '/docs',
  '/v1/stream',
  '/somewhere',
  '/v1/nothing',
];
const LOCAL = [
  'localhost',
  'LOCALHOST:7474',
  'app.localhost:3000',
  'localhost.',
  '127.0.0.1',
  '127.8.8.8:1',
  '[::1]',
  '[::1]:7474',
];
const FOREIGN = [
  ...[
    'evil.example',
    'evil.example:7474',
    'localhost.evil.example',
    'notlocalhost',
    '127.0.0.1.evil.example',
    '10.0.0.1',
    '0.0.0.0',
  ],
  ...[
    '[::2]:7474',
    'evil.example:7474:127.0.0.1',
    '@localhost',
    'localhost@evil.example',
    '127.1.evil',
    '2130706433',
    '[localhost]x',
  ],
];
const PASSWORD = 'correct horse';

const open = await startCollector({ apps: apps('inventory') });
const closed = await startCollector({ apps: apps('inventory'), auth: { dashboard_password: PASSWORD } });
t.teardown(() => Promise.all([open.close(), closed.close()]));

t.test('without a password no read answers under a foreign host', async (t) => {
  for (const path of READS) {
    for (const host of FOREIGN) {
      const answer = await ask(open.url, path, { headers: { host } });
      const { detail } = problemOf(answer, 421);
      t.match(detail, 'auth.dashboard_password', `${path} of ${host}`);
      t.notMatch(answer.text, keyOf('inventory'));
    }
  }
});

t.test('it answers under every name of this machine', async (t) => {
  for (const host of LOCAL)
    t.equal((await ask(open.url, '/v1/apps', { headers: { host } })).status, 200, host);
});

t.test('ingest and health answer under any host', async (t) => {
  const headers = { host: 'collect.example' };
  const body = { app: 'inventory', key: keyOf('inventory'), events: [event()] };
  t.equal((await postEvents(open.url, body, { headers })).status, 204);
  for (const path of ['/healthz', '/readyz']) t.equal((await ask(open.url, path, { headers })).status, 200);
});

t.test('with a password, or where it is said to be open, the host does not matter', async (t) => {
  const headers = { host: 'collect.example' };
  t.equal((await ask(closed.url, '/v1/apps', { headers })).status, 401);
  t.equal((await ask(closed.url, '/v1/apps', { headers: { ...headers, ...basic(PASSWORD) } })).status, 200);
  const free = await startCollector({ auth: { open: true } });
  t.teardown(() => free.close());
  t.equal((await ask(free.url, '/v1/apps', { headers })).status, 200);
});

t.test('a request that names no host is a 400 on every route', async (t) => {
  const { port } = new URL(open.url);
  for (const line of ['GET /v1/apps', 'POST /v1/events', 'GET /nowhere', 'GET /healthz']) {
    const text = await new Promise<string>((resolve) => {
      let answer = '';
      const socket = connect(Number(port), '127.0.0.1');
      socket.on('data', (chunk) => {
        answer += chunk;
      });
      socket.on('close', () => resolve(answer));
      socket.write(`${line} HTTP/1.1\r\nConnection: close\r\n\r\n`);
    });
    t.match(text, /^HTTP\/1\.1 400 /, line);
    t.match(text, /^content-type: application\/problem\+json/im, line);
  }
});

t.test('another site may change nothing, whatever password the browser remembers', async (t) => {
  const own = new URL(closed.url).host;
  const send = (headers: Record<string, string>, method = 'POST') =>
    ask(closed.url, '/v1/query/events', { method, headers: { ...basic(PASSWORD), ...headers } });
  for (const method of ['POST', 'DELETE', 'PUT', 'PATCH']) {
    for (const site of ['cross-site', 'same-site', 'nonsense']) {
      problemOf(await send({ 'sec-fetch-site': site }, method), 403);
    }
  }
  problemOf(await send({ origin: 'https://evil.example' }), 403);
  problemOf(await send({ origin: 'null' }), 403);
  // These are let through to where the path says that it takes no such method.
  for (const headers of [
    {},
    { 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'none' },
    { origin: `http://${own}` },
  ]) {
    problemOf(await send(headers), 405);
  }
  t.equal(
    (await ask(closed.url, '/', { headers: { ...basic(PASSWORD), 'sec-fetch-site': 'cross-site' } })).status,
    200,
    'a link may',
  );
});

t.test('no other site can have an answer as a picture or a script', async (t) => {
  const { headers } = await ask(open.url, '/v1/query/events');
  t.equal(headers['cross-origin-resource-policy'], 'same-origin');
  t.equal(headers['x-content-type-options'], 'nosniff');
  t.equal(headers['access-control-allow-origin'], undefined);
});

t.test('nothing that a page loads may be an answer of the API', async (t) => {
  const paths = [
    '/v1/query/events',
    '/v1/apps',
    '/v1/audit',
    '/v1/stream',
    '/v1/nothing',
    '/metrics',
    '/openapi.json',
    '/%761/query/events',
    '/%6detrics',
    '/v1%2fnothing',
  ];
  const loaded = [
    'style',
    'image',
    'script',
    'font',
    'frame',
    'iframe',
    'object',
    'embed',
    'audio',
    'track',
    'worker',
    'x',
  ];
  const status = async (path: string, dest: string, site?: string) => {
    const headers = { ...basic(PASSWORD), 'sec-fetch-dest': dest, ...(site && { 'sec-fetch-site': site }) };
    return (await ask(closed.url, path, { method: path === '/v1/stream' ? 'HEAD' : 'GET', headers })).status;
  };
  for (const path of paths) {
    for (const dest of loaded) t.equal(await status(path, dest, 'same-origin'), 403, `${dest} of ${path}`);
    t.equal(await status(path, 'document', 'cross-site'), 403, 'another site leads there');
    const expected = path.endsWith('nothing') ? 404 : 200;
    for (const site of ['none', 'same-origin'])
      t.equal(await status(path, 'document', site), expected, 'a person opens it');
    t.equal(await status(path, 'empty', 'same-origin'), expected, 'the page asks');
  }
  for (const path of ['/sdk/spyglass.js', '/', '/assets/frame.html', '/docs'])
    for (const dest of ['script', 'iframe']) t.equal(await status(path, dest, 'cross-site'), 200, path);
});

t.test('the frame of a recording may load nothing, from here neither', async (t) => {
  const { headers } = await ask(open.url, '/assets/frame.html');
  const policy = String(headers['content-security-policy']).split('; ');
  t.ok(policy.includes("default-src 'none'"));
  for (const rule of policy.filter((rule) => /-src /.test(rule))) t.notMatch(rule, /'self'|\*|https?:/, rule);
});
