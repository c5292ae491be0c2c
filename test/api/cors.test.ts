/** What a browser needs to send to another origin's collector, and to read its answers. */
import t, { type Test } from 'tap';
import { startCollector } from '../support/collector.js';
import { type Answer, apps, ask, basic, event, keyOf, postEvents, problemOf } from '../support/http.js';

const HERE = 'https://here.example';
const THERE = 'http://localhost:3000';
const PASSWORD = 'open sesame';

const c = await startCollector({
  apps: {
    here: { key: keyOf('here'), origins: [HERE, 'https://also.example'] },
    there: { key: keyOf('there'), origins: [THERE] },
  },
  auth: { dashboard_password: PASSWORD },
  limits: { body_bytes: 5_000, chunk_bytes: 1_000, events_per_minute: 5 },
});
t.teardown(() => c.close());
const open = await startCollector({
  apps: { ...apps('open'), here: { key: keyOf('here'), origins: [HERE] } },
});
t.teardown(() => open.close());

const preflight = (url: string, path: string, origin: string) =>
  ask(url, path, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type,x-spyglass-key',
    },
  });
const list = (value: string | undefined) => (value ?? '').split(/\s*,\s*/);

/** Holds that a page of `origin` may read the answer. */
function assertReadable(t: Test, answer: Answer, origin: string) {
  t.equal(answer.headers['access-control-allow-origin'], origin);
  t.equal(answer.headers['access-control-allow-credentials'], 'true');
  t.ok(list(answer.headers.vary).includes('Origin'), `Vary: ${answer.headers.vary}`);
}

t.test('COR-01 COR-07 COR-08 a preflight from an allowed origin', async (t) => {
  for (const path of ['/v1/events', '/v1/replay', '/v1/replay?session=s&seq=1']) {
    for (const origin of [HERE, 'https://also.example', THERE]) {
      const answer = await preflight(c.url, path, origin);
      t.equal(answer.status, 204);
      assertReadable(t, answer, origin);
      t.same(list(answer.headers['access-control-allow-methods']), ['POST', 'OPTIONS']);
      t.same(list(answer.headers['access-control-allow-headers']), [
        'Content-Type',
        'Content-Encoding',
        'X-Spyglass-Key',
      ]);
      t.equal(answer.headers['access-control-max-age'], '86400');
    }
  }
});

t.test('COR-02 a preflight from an origin no app allows is a 403', async (t) => {
  for (const path of ['/v1/events', '/v1/replay']) {
    for (const origin of [
      'https://evil.example',
      'https://here.example.evil.example',
      'http://here.example',
      'null',
    ]) {
      const answer = await preflight(c.url, path, origin);
      problemOf(answer, 403);
      t.notOk('access-control-allow-origin' in answer.headers);
    }
  }
});

t.test('COR-03 COR-08 an app without a list allows every origin', async (t) => {
  for (const origin of ['https://any.example', 'null', HERE]) {
    const answer = await preflight(open.url, '/v1/events', origin);
    t.equal(answer.status, 204);
    assertReadable(t, answer, origin);
  }
});

const send = (app: string, origin: string, over: object = {}) =>
  postEvents(c.url, { app, key: keyOf(app), events: [event()], ...over }, { headers: { origin } });
const upload = (query: string, origin: string, bytes = Buffer.from([0x1f, 0x8b, 8]), key = keyOf('here')) =>
  ask(c.url, `/v1/replay?${query}`, {
    method: 'POST',
    headers: { origin, 'x-spyglass-key': key, 'content-type': 'application/octet-stream' },
    body: bytes,
  });

t.test('COR-04 COR-08 the answer to the request itself can be read', async (t) => {
  const answers = [await send('here', HERE), await upload('session=s&seq=1', HERE)];
  for (const answer of answers) {
    t.equal(answer.status, 204, answer.text);
    assertReadable(t, answer, HERE);
  }
});

t.test('COR-05 errors can be read too', async (t) => {
  const cases: [number, Answer][] = [
    [400, await send('here', HERE, { events: null })],
    [400, await send('here', HERE, { events: [event({ type: 'foo' })] })],
    [401, await send('here', HERE, { key: 'wrong' })],
    [401, await send('nobody', HERE)],
    [413, await send('here', HERE, { pad: 'x'.repeat(5_000) })],
    [429, await send('here', HERE, { events: Array.from({ length: 6 }, () => event()) })],
    [400, await upload('session=s&seq=0', HERE)],
    [400, await upload('session=s&seq=1', HERE, Buffer.alloc(0))],
    [401, await upload('session=s&seq=1', HERE, undefined, 'wrong')],
    [413, await upload('session=s&seq=1', HERE, Buffer.alloc(1_001, Buffer.from([0x1f, 0x8b])))],
  ];
  for (const [status, answer] of cases) {
    problemOf(answer, status);
    assertReadable(t, answer, HERE);
  }
});

t.test('COR-06 an origin of another app is a 403 that can be read', async (t) => {
  const events = await send('there', HERE);
  problemOf(events, 403);
  assertReadable(t, events, HERE);
  const chunk = await upload('session=s&seq=1', THERE);
  problemOf(chunk, 403);
  assertReadable(t, chunk, THERE);
});

t.test('a request of no browser gets no such headers, and reads are for no origin', async (t) => {
  const answer = await postEvents(c.url, { app: 'there', key: keyOf('there'), events: [] });
  t.equal(answer.status, 204);
  t.notOk('access-control-allow-origin' in answer.headers);
  const read = await ask(c.url, '/v1/query/users', { headers: { ...basic(PASSWORD), origin: HERE } });
  t.equal(read.status, 200);
  t.notOk('access-control-allow-origin' in read.headers, 'a page of an app cannot read the data');
});
