/** The dashboard password from outside: what it guards, and what guessing it comes to. */
import t, { type Test } from 'tap';
import { startCollector } from '../support/collector.js';
import {
  type Answer,
  apps,
  ask,
  basic,
  event,
  get,
  keyOf,
  MINUTE,
  postEvents,
  problemOf,
} from '../support/http.js';
import { chunk, postReplay } from '../support/replay.js';

const PASSWORD = 'pässwörd: with colon';
/** How far ahead of itself the clock is by which the collector measures time. */
const clock = { ahead: 0 };
const running = performance.now.bind(performance);
t.intercept(performance, 'now', { value: () => running() + clock.ahead });
const c = await startCollector({ apps: apps('inventory'), auth: { dashboard_password: PASSWORD } });
t.teardown(() => c.close());

const GUARDED = [
  '/',
  '/sessions/s_abc',
  '/index.html',
  '/v1/query/events',
  '/v1/query/users',
  '/v1/query/sessions',
  '/v1/query/funnel?steps=a,b',
  '/v1/query/aggregates',
  '/v1/query/names',
  '/v1/query/errors',
  '/v1/query/occurrences?group=g',
  '/v1/query/activity?user=alice',
  '/v1/sessions/s/replay',
  '/v1/sessions/s/replay/1',
  '/v1/incidents/1',
  '/v1/apps',
  '/v1/unknown',
  '/metrics',
  '/openapi.json',
  '/v1/stream?after=999999',
  '/sdk',
];

function assertAsked(t: Test, answer: Answer, label: string) {
  t.equal(answer.status, 401, label);
  t.match(answer.headers['www-authenticate'], /^Basic realm="[^"]*"/, label);
  problemOf(answer, 401);
}

t.test('AUT-01 without the password, 401 with WWW-Authenticate', async (t) => {
  for (const path of GUARDED) assertAsked(t, await ask(c.url, path), path);
  assertAsked(t, await ask(c.url, '/v1/query/events', { method: 'HEAD' }).then(withProblem), 'HEAD');
  assertAsked(t, await ask(c.url, '/v1/query/events', { method: 'POST', body: '{}' }), 'a wrong method too');
});

/** A HEAD has no body to look at; the rest of the answer is a GET's. */
function withProblem(answer: Answer): Answer {
  const problem = { type: 'about:blank', title: 'x', status: answer.status, detail: 'x' };
  return { ...answer, text: JSON.stringify(problem) };
}

t.test('AUT-01 AUT-03 the way past the password leads to the files of the SDK only', async (t) => {
  const paths = [
    '/sdk/../metrics',
    '/sdk/..%2fmetrics',
    '/sdk/%2e%2e/v1/apps',
    '/sdk//../v1/query/users',
    '/healthz/metrics',
  ];
  for (const path of paths) {
    const answer = await ask(c.url, path);
    t.ok(answer.status === 401 || answer.status === 404, `${path}: ${answer.status}`);
    problemOf(answer, answer.status);
  }
});

t.test('AUT-02 any user name with the password is let in', async (t) => {
  for (const user of ['dashboard', '', 'ädmin', 'a b']) {
    const answer = await ask(c.url, '/v1/query/users', { headers: basic(PASSWORD, user) });
    t.equal(answer.status, 200, `user ${user}`);
  }
  const lower = { authorization: basic(PASSWORD).authorization.replace('Basic', 'basic') };
  t.equal((await ask(c.url, '/v1/query/users', { headers: lower })).status, 200);
  t.equal((await ask(c.url, '/', { headers: basic(PASSWORD) })).status, 200);
  t.equal((await ask(c.url, '/metrics', { headers: basic(PASSWORD) })).status, 200);
});

t.test('AUT-03 ingest, preflights, health and the SDK need none', async (t) => {
  const body = { app: 'inventory', key: keyOf('inventory'), events: [event()] };
  t.equal((await postEvents(c.url, body)).status, 204);
  t.equal((await postReplay(c.url, 'session=s&seq=1', chunk('x'), keyOf('inventory'))).status, 204);
  const preflight = {
    method: 'OPTIONS',
    headers: { origin: 'https://a.example', 'access-control-request-method': 'POST' },
  };
  for (const path of ['/v1/events', '/v1/replay']) t.equal((await ask(c.url, path, preflight)).status, 204);
  for (const path of ['/v1/query/users', '/v1/apps', '/', '/anything']) {
    t.not((await ask(c.url, path, preflight)).status, 401, `OPTIONS ${path}`);
  }
  for (const path of ['/healthz', '/readyz']) t.equal((await ask(c.url, path)).status, 200);
  const sdk = await ask(c.url, '/sdk/unknown-file.js');
  t.ok(sdk.status === 404 || sdk.status === 200, `/sdk/: ${sdk.status}`);
});

/** Asks from a loopback address of its own, so that no test locks another one out. */
const from =
  (address: string) =>
  (headers: { authorization?: string; accept?: string }, path = '/v1/query/users') =>
    ask(c.url, path, { from: address, headers });
const statuses = (answers: readonly Answer[]) => answers.map((answer) => answer.status);

t.test('AUT-11 malformed credentials are a 401', async (t) => {
  const knock = from('127.0.0.11');
  const malformed = [
    'Basic',
    'Basic ',
    'Bearer abc',
    'Basic %%%',
    `Basic ${Buffer.from('nocolon').toString('base64')}`,
    'Digest x="y"',
  ];
  for (const authorization of malformed) assertAsked(t, await knock({ authorization }), authorization);
});

t.test('AUT-06 nine wrong passwords lock nobody out', async (t) => {
  const knock = from('127.0.0.12');
  for (let i = 0; i < 9; i++) assertAsked(t, await knock(basic(`wrong${i}`)), `attempt ${i}`);
  t.equal((await knock(basic(PASSWORD))).status, 200);
});

t.test('AUT-05 AUT-04 AUT-06 AUT-09 ten do, but nothing else', async (t) => {
  const knock = from('127.0.0.13');
  for (let i = 0; i < 10; i++) t.not((await knock(basic(PASSWORD.slice(0, i)))).status, 200);
  for (const password of ['wrong', PASSWORD]) {
    for (const path of ['/v1/query/users', '/', '/metrics'])
      problemOf(await knock(basic(password), path), 429);
  }
  assertAsked(t, await knock({}), 'without credentials it is a 401 still');
  t.equal((await from('127.0.0.14')(basic(PASSWORD))).status, 200, 'another address is not touched');
  t.equal((await knock({}, '/healthz')).status, 200);
  const body = { app: 'inventory', key: keyOf('inventory'), events: [event({ user_id: 'locked' })] };
  t.equal((await postEvents(c.url, body, { from: '127.0.0.13' })).status, 204, 'ingest goes on');
  const { events } = await get<{ events: object[] }>(c.url, '/v1/query/events?user=locked', basic(PASSWORD));
  t.equal(events.length, 1);
});

t.test('AUT-04 requests without credentials are never counted', async (t) => {
  const knock = from('127.0.0.15');
  for (let i = 0; i < 30; i++) t.equal((await knock({})).status, 401);
  t.equal((await knock(basic(PASSWORD))).status, 200);
});

t.test('AUT-05 ten at once lock out too', async (_t) => {
  const knock = from('127.0.0.16');
  await Promise.all(Array.from({ length: 10 }, () => knock(basic('wrong'))));
  problemOf(await knock(basic(PASSWORD)), 429);
});

t.test('AUT-07 the lock is for a minute', async (t) => {
  const knock = from('127.0.0.17');
  for (let i = 0; i < 10; i++) await knock(basic('wrong'));
  problemOf(await knock(basic(PASSWORD)), 429);
  clock.ahead = MINUTE - 3_000;
  problemOf(await knock(basic(PASSWORD)), 429);
  clock.ahead = MINUTE + 3_000;
  t.equal((await knock(basic(PASSWORD))).status, 200);
  clock.ahead = 0;
});

t.test('AUT-08 wrong passwords more than a minute apart do not add up', async (t) => {
  const knock = from('127.0.0.18');
  for (let i = 0; i < 9; i++) await knock(basic('wrong'));
  clock.ahead = MINUTE + 3_000;
  const later = [await knock(basic('wrong')), await knock(basic(PASSWORD))];
  t.same(statuses(later), [401, 200]);
  clock.ahead = 0;
});

t.test('AUT-10 without a password, reads on loopback are open', async (t) => {
  const open = await startCollector({ apps: apps('inventory') });
  t.teardown(() => open.close());
  for (const path of ['/', '/v1/query/users', '/metrics', '/v1/apps']) {
    t.equal((await ask(open.url, path)).status, 200);
    t.equal((await ask(open.url, path, { headers: basic('whatever') })).status, 200);
  }
});

t.test('AUT-12 while an address is locked, somebody known there is let in once in 6 s', async (t) => {
  const knock = from('127.0.0.30');
  t.equal((await knock(basic(PASSWORD, 'anna'))).status, 200);
  for (let i = 0; i < 10; i++) await knock(basic('wrong'));
  problemOf(await knock(basic(PASSWORD, 'somebody')), 429);
  t.equal((await knock(basic(PASSWORD, 'anna'))).status, 200);
  problemOf(await knock(basic(PASSWORD, 'anna')), 429);
  clock.ahead = 7_000;
  t.equal((await knock(basic(PASSWORD, 'anna'))).status, 200);
  clock.ahead = 0;
});

t.test('AUT-13 a browser gets a page that a person can read, without a script', async (t) => {
  const knock = from('127.0.0.31');
  const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
  const pageOf = (answer: Answer, status: number) => {
    t.equal(answer.status, status);
    t.match(answer.headers['content-type'], /^text\/html/);
    t.match(answer.headers['content-security-policy'], /^default-src 'none'/);
    t.notMatch(answer.text, /<script|urn:spyglass|https?:/);
    return answer.text;
  };
  const asked = await knock(browser, '/');
  t.match(pageOf(asked, 401), 'asks for a password');
  t.match(asked.headers['www-authenticate'], /^Basic /, 'and the browser asks as before');
  pageOf(await knock({ ...browser, ...basic('wrong') }, '/errors'), 401);
  for (let i = 0; i < 9; i++) await knock(basic('wrong'));
  const locked = await knock({ ...browser, ...basic(PASSWORD) }, '/');
  t.match(pageOf(locked, 429), /Try again in \d+ s/);
  t.ok(locked.headers['retry-after']);
  for (const accept of ['*/*', 'application/json', '']) problemOf(await knock({ accept }), 401);
});
