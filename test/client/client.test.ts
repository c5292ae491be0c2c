/** `@spyglass/client` against a real collector: every question, pages, recordings, the operator's calls, and what goes wrong. */
import t from 'tap';
import {
  type Asks,
  type ClientError,
  createClient,
  type Event,
  ForeignAnswerError,
  ProblemError,
  UnreachableError,
} from '../../client/src/index.js';
import { pathOf } from '../../client/src/paths.js';
import { QUESTIONS, type QuestionName } from '../../src/questions/index.js';
import { startCollector } from '../support/collector.js';
import { apps, store } from '../support/http.js';
import { upload } from '../support/replay.js';

const APP = 'shop';
const SESSION = 'a/b? ü';
const NOW = Date.now();

const collector = await startCollector({ apps: apps(APP) });
t.teardown(collector.close);
const client = createClient({ url: collector.url });

const event = (name: string, more: object = {}) => ({
  ...{ user_id: 'alice', session_id: SESSION, type: 'event', name, ts: NOW },
  ...more,
});
await store(collector.url, APP, [
  event('view', { props: { plan: 'free' }, user: { name: 'Alice' } }),
  event('pay'),
  event('TypeError: x', { type: 'error' }),
  ...Array.from({ length: 1_200 }, (_, index) => event(`n_${index}`, { user_id: 'bob', session_id: 's_b' })),
]);
await upload(collector.url, { app: APP, session: SESSION, seq: 1, ts: NOW });
const { group = '' } = await client.ask('incident', { event_id: 3 });

/** The compiler names a question that is not asked here. */
const ASKS: Asks = {
  events: { limit: 2, type: 'event' },
  event: { id: 1 },
  users: {},
  sessions: { user: 'alice' },
  funnel: { steps: 'view,pay', from: NOW },
  aggregates: {},
  names: { prefix: 'n_1' },
  activity: { user: 'alice' },
  errors: {},
  occurrences: { group },
  incident: { event_id: 3 },
  replay: { id: SESSION },
};

async function errorOf(call: Promise<unknown>): Promise<ClientError> {
  return call.then(
    () => Promise.reject(new Error('it was answered')),
    (error: ClientError) => error,
  );
}

for (const question of Object.keys(QUESTIONS) as QuestionName[]) {
  t.test(`${question} is answered as its definition says, at the path it says`, async (t) => {
    const { path, answer } = QUESTIONS[question];
    const asked = pathOf(question, ASKS[question]).split('?')[0] ?? '';
    t.match(asked, new RegExp(`^${path.replace(/:\w+/g, '[^/]+')}$`));
    const data = await client.ask(question, ASKS[question]);
    t.same(answer.safeParse(data).error, undefined);
    t.same(data, await (await collector.get(pathOf(question, ASKS[question]))).json(), 'nothing is lost');
  });
}

t.test('answers are typed by their question', async (t) => {
  const { steps } = await client.ask('funnel', { steps: 'view,pay' });
  t.same(
    steps.map(({ count }) => count),
    [1, 1],
  );
  const { props } = await client.ask('event', { id: 1 });
  t.same(props, { plan: 'free' });
  // @ts-expect-error a funnel needs steps
  t.equal((await errorOf(client.ask('funnel', {}))).status, 400);
  // @ts-expect-error users do not come in pages
  client.pages('users', {});
});

t.test('parameters go where they belong, and what is empty stays out', async (t) => {
  t.equal(pathOf('replay', { id: SESSION, app: 'x&y' }), '/v1/sessions/a%2Fb%3F%20%C3%BC/replay?app=x%26y');
  t.equal(pathOf('events', { user: '', app: undefined, limit: 5 }), '/v1/query/events?limit=5');
  t.equal(pathOf('users', {}), '/v1/query/users');
});

t.test('pages follow each other to the end; what they list comes one by one', async (t) => {
  const sizes: number[] = [];
  for await (const page of client.pages('events', { user: 'bob', limit: 500 }))
    sizes.push(page.events.length);
  t.same(sizes, [500, 500, 200]);
  const names = new Set<string>();
  for await (const { name } of client.each('events', { user: 'bob', limit: 500 })) names.add(name);
  t.equal(names.size, 1_200);
  const occurrences: Event[] = [];
  for await (const occurrence of client.each('occurrences', { group })) occurrences.push(occurrence);
  t.same(
    occurrences.map(({ id }) => id),
    [3],
  );
});

t.test('a page is asked for when the one before is done with', async (t) => {
  const asked: string[] = [];
  const watched = createClient({
    fetch: (url, init) => {
      asked.push(url);
      return fetch(collector.url + url, init);
    },
  });
  for await (const { id } of watched.each('events', { user: 'bob', limit: 500 })) if (id > 0) break;
  t.same(asked, ['/v1/query/events?user=bob&limit=500']);
});

t.test('a part of a recording is rrweb’s events', async (t) => {
  const { chunks } = await client.ask('replay', { id: SESSION });
  const [first = { path: '' }] = chunks;
  const answer = await client.chunk(first.path);
  t.same(await answer.json(), [{ type: 4, data: `${APP} ${SESSION} 1` }]);
  t.equal((await errorOf(client.chunk('/v1/sessions/none/replay/1'))).status, 404);
});

t.test('whoever has the password reads, and is in the audit trail by name', async (t) => {
  const auth = { dashboard_password: 'öffne dich', viewer_password: 'look' };
  const locked = await startCollector({ apps: apps(APP), auth });
  t.teardown(locked.close);
  await store(locked.url, APP, [event('view')]);
  await upload(locked.url, { app: APP, session: SESSION, seq: 1 });
  const stranger = createClient({ url: locked.url });
  t.same(await stranger.health(), { status: 'ok' });
  const refusal = await errorOf(stranger.ask('users', {}));
  t.ok(refusal instanceof ProblemError);
  t.match(refusal, { status: 401, type: 'urn:spyglass:problem:unauthorized', title: 'Password required' });

  const operator = createClient({ url: `${locked.url}/`, auth: { name: 'Zoë', password: 'öffne dich' } });
  t.match(await operator.apps(), { apps: [{ name: APP }], role: 'operator', dashboard_password: true });
  await operator.chunk(`/v1/sessions/${encodeURIComponent(SESSION)}/replay/1`);
  const { entries } = await operator.audit({ limit: 1 });
  t.match(entries, [{ name: 'Zoë', session_id: SESSION }]);

  const viewer = createClient({ url: locked.url, auth: { password: 'look' } });
  t.equal((await errorOf(viewer.erase({ user: 'alice' }))).status, 403);
  t.match(await operator.erase({ user: 'alice' }), {
    user: 'alice',
    events: 1,
    chunks: 1,
    gone_from_disk: true,
  });
  t.same((await operator.ask('users', {})).users, []);
});

t.test('a problem says which parameters are wrong, and when to come back', async (t) => {
  const refusal = await errorOf(client.ask('events', { limit: 0, from: -1 }));
  t.ok(refusal instanceof ProblemError);
  t.match(refusal, {
    ...{ name: 'ProblemError', status: 400, title: 'Invalid parameter', retryAfterS: undefined },
    errors: [
      { path: 'from', message: /^must be/ },
      { path: 'limit', message: /^must be/ },
    ],
  });
  t.match(refusal.message, /from must be/);
  const busy = createClient({
    fetch: async () =>
      new Response('{"type":"urn:x","title":"Busy","status":503,"detail":""}', {
        status: 503,
        headers: { 'content-type': 'application/problem+json', 'retry-after': '7' },
      }),
  });
  t.match(await errorOf(busy.apps()), { message: 'Busy', detail: '', retryAfterS: 7 });
});

t.test('a proxy’s page is told apart from the collector’s word', async (t) => {
  for (const [status, type] of [
    [200, 'text/html'],
    [502, 'text/html'],
    [403, 'application/json'],
  ] as const) {
    const headers = { 'content-type': type };
    const behind = createClient({ fetch: async () => new Response('<h1>Sign in</h1>', { status, headers }) });
    const error = await errorOf(behind.ask('users', {}));
    t.ok(error instanceof ForeignAnswerError);
    t.equal(error.status, status);
  }
});

t.test('nothing that answers is status 0; what a signal aborts with is thrown as it is', async (t) => {
  const nowhere = await errorOf(createClient({ url: 'http://127.0.0.1:1' }).health());
  t.ok(nowhere instanceof UnreachableError);
  t.equal(nowhere.status, 0);
  const half = createClient({
    fetch: async () => new Response(new ReadableStream({ start: (body) => body.error(new Error('cut')) })),
  });
  t.match(await errorOf(half.health()), { status: 0, cause: { message: 'cut' } });
  const reason = new Error('enough');
  const signal = AbortSignal.abort(reason);
  t.equal(await errorOf(client.ask('users', {}, { signal })), reason);
});

t.test('headers go with every request, and `fetch` is the page’s own of that moment', async (t) => {
  const seen: (string | null)[] = [];
  t.intercept(globalThis, 'fetch', {
    value: async (_url: string, init: RequestInit) => {
      seen.push(new Headers(init.headers).get('x-tenant'));
      return Response.json({ status: 'ok' });
    },
  });
  await createClient({ headers: { 'X-Tenant': 'a' } }).health();
  t.same(seen, ['a']);
});
