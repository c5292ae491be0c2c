/** The server as a whole, on a fake store: failing reads, HEAD, odd requests, metrics, pages, and how it closes. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import t from 'tap';
import { PROBLEMS } from '../../../src/domain/problems.js';
import { ask, get, problemOf, withResolvers } from '../../support/http.js';
import { CONFIG, serve } from './server.js';

const READS = [
  '/v1/query/events',
  '/v1/query/users',
  '/v1/query/sessions',
  '/v1/query/funnel?steps=a,b',
  '/v1/query/aggregates',
  '/v1/query/names',
  '/v1/query/errors',
  '/v1/query/occurrences?group=g',
  '/v1/query/activity?user=alice',
  '/v1/sessions/s_1/replay',
  '/v1/sessions/s_1/replay/1',
  '/v1/sessions/s_1/replay?app=inventory',
  '/v1/incidents/1',
  '/v1/events/1',
];

t.test('a read that fails is a 5xx, and nothing of its inside leaves the server', async (t) => {
  const { url, store, lines } = await serve(t);
  store.readError = Object.assign(new Error('took 5001 ms'), { name: 'ReadTimeout' });
  for (const path of READS) {
    t.match(problemOf(await ask(url, path), 504), { title: 'The query took too long' }, path);
  }
  store.readError = new Error('MDB_PANIC in /srv/data');
  for (const path of READS) t.notMatch(problemOf(await ask(url, path), 500).detail, /MDB|srv/, path);
  const errors = lines.map((line) => JSON.parse(line)).filter(({ level }) => level === 50);
  t.equal(errors.length, READS.length);
  for (const line of errors)
    t.match(line, { reqId: /^[0-9a-f]{8}-[0-9a-z]+$/, err: { message: /MDB_PANIC/ } });
});

t.test('HEAD answers as GET does, without a body', async (t) => {
  const { url, store } = await serve(t);
  store.commit(2, { type: 'error' });
  for (const path of [
    '/',
    '/anywhere',
    '/v1/incidents/1',
    '/v1/events/1',
    '/v1/query/events',
    '/metrics',
    '/docs',
    '/docs/',
    '/openapi.json',
  ]) {
    const [head, got] = [await ask(url, path, { method: 'HEAD' }), await ask(url, path)];
    t.equal(head.status, 200, path);
    t.equal(head.text, '');
    t.equal(head.headers['content-type'], got.headers['content-type']);
  }
  const stream = await ask(url, '/v1/stream', { method: 'HEAD' });
  t.equal(stream.status, 200, 'and does not follow');
  t.equal(stream.headers['content-type'], 'text/event-stream');
  t.equal((await ask(url, '/v1/nope', { method: 'HEAD' })).status, 404);
});

t.test('what is no HTTP, or no path, is answered with a problem too', async (t) => {
  const { url } = await serve(t);
  const raw = async (text: string): Promise<string> => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1').setEncoding('utf8');
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.write(text);
    await once(socket, 'close');
    return answer;
  };
  t.match(await raw('GARBAGE\r\n\r\n'), /^HTTP\/1\.1 400 [\s\S]*problem\+json[\s\S]*bad_request/);
  const padded = `GET / HTTP/1.1\r\nhost: x\r\nx-pad: ${'x'.repeat(20_000)}\r\n\r\n`;
  t.match(await raw(padded), /^HTTP\/1\.1 431 [\s\S]*headers_too_large/);
  problemOf(await ask(url, '/v1/sessions/%ff/replay'), 400);
  problemOf(await ask(url, '/%zz'), 400);
  problemOf(await ask(url, `/v1/sessions/${'x'.repeat(8_000)}/replay`), 404);
});

t.test('a method nobody knows is still the wrong one for a known path', async (t) => {
  const { url } = await serve(t);
  for (const [path, allow] of [
    ['/v1/query/events', 'GET, HEAD'],
    ['/v1/sessions/a%2Fb/replay/1', 'GET, HEAD'],
    ['/v1/events', 'OPTIONS, POST'],
    ['/', 'GET, HEAD'],
    ['/some/page', 'GET, HEAD'],
  ] as const) {
    const answer = await ask(url, path, {
      method: 'PROPFIND',
      headers: { 'content-type': 'bogus' },
      body: 'x',
    });
    problemOf(answer, 405);
    t.equal(answer.headers.allow, allow, path);
  }
  problemOf(await ask(url, '/v1/query', { method: 'PROPFIND' }), 404);
  problemOf(await ask(url, '/sdk/none.js'), 404);
});

t.test('metrics count answers by route and status', async (t) => {
  const { url, store } = await serve(t);
  await ask(url, '/v1/events', { body: 'x' });
  await ask(url, '/v1/events', { body: 'x' });
  await ask(url, '/v1/events', { body: 'x'.repeat(1_001) });
  await ask(url, '/v1/replay', { body: 'x' });
  await ask(url, '/v1/sessions/secret-id/replay');
  store.commit(3);
  const { text } = await ask(url, '/metrics');
  const lines = text.split('\n');
  for (const line of [
    'spyglass_ingest_requests_total{route="events",status="204"} 2',
    'spyglass_ingest_requests_total{route="events",status="413"} 1',
    'spyglass_ingest_requests_total{route="replay",status="400"} 1',
    'spyglass_http_request_duration_seconds_count{route="/v1/sessions/:id/replay",method="GET",status="404"} 1',
    'spyglass_store_head 3',
    'spyglass_store_late_events_total 0',
    'spyglass_store_failed 0',
    'spyglass_stream_readers 0',
  ]) {
    t.ok(lines.includes(line), line);
  }
  t.match(text, /^process_resident_memory_bytes \d+$/m);
  if (process.platform === 'linux') t.match(text, /^process_resident_anonymous_bytes [1-9]\d+$/m);
  t.notMatch(text, /secret-id/);
  store.readError = new Error('gone');
  t.equal((await ask(url, '/metrics')).status, 200, 'also when the store does not answer');
});

t.test('pages carry what keeps others from using them', async (t) => {
  const { url } = await serve(t);
  for (const path of ['/', '/docs', '/docs/']) {
    const { status, headers } = await ask(url, path);
    t.equal(status, 200, path);
    t.match(headers['content-security-policy'], /default-src 'none'.*frame-ancestors 'none'/, path);
    t.equal(headers['x-content-type-options'], 'nosniff');
    t.equal(headers['referrer-policy'], 'no-referrer');
    t.notOk('server' in headers || 'x-powered-by' in headers);
  }
  const { text } = await ask(url, '/');
  t.notMatch(
    text,
    /<script[^>]*>[^<]|<style|\s(on\w+|style)=|(src|href)="https?:/,
    'nothing inline, nothing from elsewhere',
  );
  t.equal((await ask(url, '/docs/none')).text, text, 'below it is the dashboard again');
});

t.test('the page of the API runs nothing, and each of its links leads somewhere', async (t) => {
  const { url } = await serve(t);
  const { text, headers } = await ask(url, '/docs');
  t.notMatch(text, /<script|\s(on\w+|style)=|(src|href)="https?:|\sundefined\b|\[object/);
  const [, style = ''] = /<style>([^<]*)<\/style>/.exec(text) ?? [];
  const hash = createHash('sha256').update(style).digest('base64');
  t.match(headers['content-security-policy'], `style-src 'sha256-${hash}'`);
  const ids = [...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  t.equal(new Set(ids).size, ids.length, 'no id twice');
  const links = [...text.matchAll(/href="([^"]+)"/g)].map(([, to = '']) => to);
  t.same(
    links.filter((to) => to !== '/openapi.json' && !ids.includes(to.slice(1))),
    [],
  );
  const { paths } = await get<{ paths: Record<string, Record<string, object>> }>(url, '/openapi.json');
  for (const [path, methods] of Object.entries(paths)) {
    for (const method of Object.keys(methods)) {
      const id = `${method}${path}`.replace(/[^a-z0-9]+/g, '-').replace(/-$/, '');
      t.ok(ids.includes(id), `${id} has a heading`);
      t.ok(links.includes(`#${id}`), `${id} has a link`);
    }
  }
});

t.test('every problem the description names is one of the registry', async (t) => {
  const { url } = await serve(t);
  interface Operation {
    responses: Record<string, { description?: string; content?: Record<string, unknown> }>;
  }
  const { paths } = await get<{ paths: Record<string, Record<string, Operation>> }>(url, '/openapi.json');
  const known = new Map<string, number>(Object.values(PROBLEMS).map(({ status, title }) => [title, status]));
  let found = 0;
  for (const operation of Object.values(paths).flatMap((path) => Object.values(path))) {
    for (const [status, { description = '', content = {} }] of Object.entries(operation.responses)) {
      if (!('application/problem+json' in content)) continue;
      for (const title of description.split('; ')) t.equal(known.get(title), Number(status), title);
      found++;
    }
  }
  t.ok(found > 40, `${found} found`);
});

t.test('closing lets requests under way finish, ends the streams, and takes no more', async (t) => {
  const begun = withResolvers<void>();
  const held = withResolvers<undefined>();
  const ingest = () => {
    begun.resolve();
    return held.promise;
  };
  const { url, store, close } = await serve(t, { ingest });
  const stream = await fetch(`${url}/v1/stream`);
  const upload = fetch(`${url}/v1/events`, { method: 'POST', body: 'x' });
  await begun.promise;
  store.commit(1);
  const closed = close();
  t.match(await stream.text(), /^id: [01]\n\n/, 'it began, and ended');
  await t.rejects(ask(url, '/healthz'), 'no new connections');
  held.resolve(undefined);
  t.equal((await upload).status, 204);
  await closed;
});

t.test('with a password, nothing but the open paths answers without it', async (t) => {
  const config = { ...CONFIG, auth: { open: false, dashboard_password: 'secret' } };
  const { url, lines } = await serve(t, { config });
  const authorization = `Basic ${Buffer.from('x:secret').toString('base64')}`;
  for (const path of [
    ...READS,
    '/',
    '/x',
    '/v1/nope',
    '/v1/stream',
    '/docs',
    '/docs/',
    '/docs/none',
    '/openapi.json',
    '/v1/apps',
  ]) {
    const answer = await ask(url, path);
    problemOf(answer, 401);
    t.match(answer.headers['www-authenticate'], /^Basic realm=/, path);
  }
  problemOf(await ask(url, '/v1/query/events', { method: 'DELETE' }), 401);
  problemOf(await ask(url, '/v1/query/events', { method: 'OPTIONS' }), 405);
  problemOf(await ask(url, '/v1/events'), 405);
  t.equal((await ask(url, '/openapi.json', { headers: { authorization } })).status, 200);
  t.notMatch(lines.join(), /secret|Basic|authorization/i);
});
