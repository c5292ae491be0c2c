/**
 * Every route the server has against every reader and every key of another app. Two collectors hold the same of one app; the
 * second holds another app's things too, under the same ids and under its own. To the first app's reader they must
 * be one and the same, and nothing that its key sends may change what the other app's reader sees.
 */
import t from 'tap';
import { startCollector } from '../support/collector.js';
import { type Answer, type Ask, apps, ask, basic, event, get, keyOf, NOON, store } from '../support/http.js';
import { chunk, upload } from '../support/replay.js';
import { registeredRoutes } from '../support/routes.js';
import type { EventsAnswer } from '../support/rows.js';
import { openStream } from '../support/sse.js';

const OURS = 'inventory';
const THEIRS = 'shop';
const OPERATOR = 'the operator’s';
const OUR_TEAM = 'team inventory';
const THEIR_TEAM = 'team shop';

/** Parameters that name what is the other app's; `GROUP` and `CURSOR` stand for what only it can tell. */
const ASKED_FOR = [
  ...['', 'user=user-of-shop', 'user=alice', 'session=s_shop', 'session=s_1', 'type=error', 'limit=500'],
  ...['cursor=CURSOR', 'group=GROUP', 'prefix=secret', 'steps=view,secret-of-shop', 'after=0', 'from=0'],
];
/** How a reader may put its app in: not at all, its own, the other one, both. */
const APPS = ['', `app=${OURS}`, `app=${THEIRS}`, `app=${OURS}&app=${THEIRS}`, 'app=', 'app=%00', 'APP=shop'];

/**
 * What each route is to an app's reader:
 * - `own`: answers, with what is the app's own;
 * - `refused`: a 403;
 * - `public`: answers anybody, with nothing of any app;
 * - `page`: answers any reader, with nothing of any app;
 * - `key`: takes an app's key, not a password.
 */
const ROUTES: Readonly<Record<string, 'own' | 'refused' | 'public' | 'page' | 'key'>> = {
  'GET /v1/query/events': 'own',
  'GET /v1/events/:id': 'own',
  'GET /v1/query/users': 'own',
  'GET /v1/query/sessions': 'own',
  'GET /v1/query/funnel': 'own',
  'GET /v1/query/aggregates': 'own',
  'GET /v1/query/names': 'own',
  'GET /v1/query/activity': 'own',
  'GET /v1/query/errors': 'own',
  'GET /v1/query/occurrences': 'own',
  'GET /v1/sessions/:id/replay': 'own',
  'GET /v1/sessions/:id/replay/:seq': 'own',
  'GET /v1/incidents/:event_id': 'own',
  'GET /v1/stream': 'own',
  'GET /v1/apps': 'own',
  'GET /v1/audit': 'refused',
  'GET /metrics': 'refused',
  'POST /v1/erase': 'refused',
  'POST /v1/events': 'key',
  'POST /v1/replay': 'key',
  'OPTIONS /v1/events': 'public',
  'OPTIONS /v1/replay': 'public',
  'GET /healthz': 'public',
  'GET /readyz': 'public',
  'GET /sdk/:file': 'public',
  'GET /': 'page',
  'GET /docs': 'page',
  'GET /docs/': 'page',
  'GET /openapi.json': 'page',
  'GET /assets/:name': 'page',
  'GET /assets/frame.html': 'page',
};
const routes = await registeredRoutes();
/** A HEAD is its GET without the body. */
const kindOf = (route: string) => ROUTES[route.replace(/^HEAD /, 'GET ')];

t.test('each route has its place in the matrix, and each place its route', async (t) => {
  t.ok(routes.length > 30);
  t.same(
    routes.filter((route) => kindOf(route) === undefined),
    [],
    'a new route: say what an app’s reader gets from it',
  );
  t.same(
    Object.keys(ROUTES).filter((route) => !routes.includes(route)),
    [],
  );
});

const configured = apps(OURS, THEIRS);
const config = {
  apps: {
    [OURS]: { key: keyOf(OURS), origins: [], ...configured[OURS], read_password: OUR_TEAM },
    [THEIRS]: { key: keyOf(THEIRS), origins: [], ...configured[THEIRS], read_password: THEIR_TEAM },
  },
  auth: { dashboard_password: OPERATOR },
};
const alone = await startCollector(config);
const both = await startCollector(config);
t.teardown(() => Promise.all([alone.close(), both.close()]));

/** An app's own story: partly under ids that every app has, partly under its own. */
const storyOf = (app: string) => [
  event({ user_id: 'alice', session_id: 's_1', name: 'view', user: { name: `Alice of ${app}` } }),
  event({ user_id: 'alice', session_id: 's_1', name: 'shared error', type: 'error', ts: NOON + 1 }),
  event({ user_id: `user-of-${app}`, session_id: `s_${app}`, name: 'view', ts: NOON + 2 }),
  event({ user_id: `user-of-${app}`, session_id: `s_${app}`, name: `secret-of-${app}`, ts: NOON + 3 }),
  event({
    user_id: `user-of-${app}`,
    session_id: `s_${app}`,
    name: `secret error of ${app}`,
    type: 'error',
    ts: NOON + 4,
  }),
  event({
    user_id: `user-of-${app}`,
    session_id: `s_${app}`,
    name: `/secret/${app}`,
    type: 'pageview',
    ts: NOON + 86_400_000,
  }),
];
for (const c of [alone, both]) {
  await store(c.url, OURS, storyOf(OURS));
  for (const session of ['s_1', `s_${OURS}`]) await upload(c.url, { app: OURS, session, seq: 1, ts: NOON });
}
await store(both.url, THEIRS, storyOf(THEIRS));
for (const session of ['s_1', `s_${THEIRS}`]) {
  for (const seq of [1, 2]) await upload(both.url, { app: THEIRS, session, seq, ts: NOON });
}

const theirs = await get<EventsAnswer>(both.url, `/v1/query/events?app=${THEIRS}&limit=3`, basic(OPERATOR));
const theirIds = (
  await get<EventsAnswer>(both.url, `/v1/query/events?app=${THEIRS}`, basic(OPERATOR))
).events.map(({ id }) => id);
const { groups } = await get<{ groups: { group: string }[] }>(
  both.url,
  `/v1/query/errors?app=${THEIRS}`,
  basic(OPERATOR),
);
const head = Math.max(...theirIds);

/** The paths of a route that ask for something of the other app's. */
function pathsOf(route: string): string[] {
  const path = route.split(' ')[1] ?? '';
  const places: Record<string, readonly (string | number)[]> = {
    ':id': path.startsWith('/v1/events/') ? theirIds : ['s_1', 's_shop'],
    ':seq': [1, 2],
    ':event_id': theirIds,
    ':file': ['spyglass.js'],
    ':name': ['app.js'],
  };
  const filled = Object.entries(places).reduce(
    (paths, [place, values]) =>
      paths.flatMap((path) =>
        path.includes(place) ? values.map((value) => path.replace(place, `${value}`)) : [path],
      ),
    [path],
  );
  // A HEAD is answered by its GET, and what has its object in the path is asked for nothing more by the query.
  const asked = /^HEAD|:/.test(route) ? [''] : ASKED_FOR;
  const queries = asked.flatMap((one) =>
    one === 'group=GROUP'
      ? groups.map(({ group }) => `group=${group}`)
      : [one.replace('CURSOR', theirs.next_cursor ?? '')],
  );
  return filled.flatMap((path) =>
    queries.flatMap((query) =>
      APPS.map((app) => `${path}?${[query, app].filter(Boolean).join('&')}`.replace(/\?$/, '')),
    ),
  );
}

/** What a reader sees; the newest id of all apps tells that something was stored, and no more, and no etag is ever another's. */
const seenIn = ({ status, text }: Answer) => ({
  status,
  text: text.replace(/"head":\d+/, '"head":0').replace(/,"instance":"[^"]*"/, ''),
});

/** Words that are the other app's alone: no answer to our reader has one, but for a refusal that repeats nothing. */
const OF_THEIRS =
  /secret[^"]*of[- ]shop|user-of-shop|\/secret\/shop|Alice of shop|s_shop|sg_live_secret_of_shop/;

const AT_ONCE = 8;

/** Does `work` for each, a few at a time. */
async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = items[Symbol.iterator]();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const item of waiting) await work(item);
    }),
  );
}

t.test('to an app’s reader another app is not there, whatever is asked for', async (t) => {
  let answers = 0;
  for (const route of routes) {
    const [method = ''] = route.split(' ');
    const kind = kindOf(route);
    if (route.endsWith(' /v1/stream') || kind === 'key' || kind === 'public' || kind === 'refused') continue;
    const wrong: string[] = [];
    const asOurs = { method, headers: basic(OUR_TEAM) };
    await eachOf(pathsOf(route).slice(0, kind === 'page' ? 3 : undefined), async (path) => {
      const [one, two] = await Promise.all([ask(alone.url, path, asOurs), ask(both.url, path, asOurs)]);
      answers++;
      if (JSON.stringify(seenIn(one)) !== JSON.stringify(seenIn(two)))
        wrong.push(`${path}: ${one.status} ${one.text} / ${two.status} ${two.text}`.slice(0, 600));
      // What was asked for may be said again: the name of a step.
      const own = path.includes('steps=') ? two.text.replaceAll('"name":"secret-of-shop"', '') : two.text;
      if (OF_THEIRS.test(own + JSON.stringify(two.headers))) wrong.push(`${path}: ${two.text}`);
      if (two.status >= 500) wrong.push(`${path}: ${two.status}`);
    });
    t.same(wrong, [], route);
  }
  t.ok(answers > 800, `${answers} answers`);
});

t.test('the test above sees what there is to see: the operator’s answers differ', async (t) => {
  for (const path of ['/v1/query/events', '/v1/query/users', '/v1/query/aggregates', '/v1/query/errors']) {
    const [one, two] = [
      await ask(alone.url, path, { headers: basic(OPERATOR) }),
      await ask(both.url, path, { headers: basic(OPERATOR) }),
    ];
    t.notSame(seenIn(one), seenIn(two), path);
    t.match(two.text, /shop/);
  }
});

t.test(
  'the live feed of an app’s reader has its own events alone, the list of apps its own app',
  async (t) => {
    for (const query of ['after=0', `after=0&app=${OURS}`, 'after=0&user=alice', 'after=0&session=s_1']) {
      const followed = await openStream(both.url, `/v1/stream?${query}`, basic(OUR_TEAM));
      await followed.find(({ id }) => Number(id) >= head);
      followed.close();
      const data = followed.frames.flatMap((frame) => frame.data ?? []);
      t.ok(data.length > 0, query);
      for (const one of data) t.equal((JSON.parse(one) as { app: string }).app, OURS);
    }
    t.notMatch((await ask(both.url, '/v1/apps', { headers: basic(OUR_TEAM) })).text, THEIRS);
    for (const query of [`app=${THEIRS}`, `app=${OURS}&app=${THEIRS}`]) {
      t.equal((await ask(both.url, `/v1/stream?${query}`, { headers: basic(OUR_TEAM) })).status, 403, query);
    }
  },
);

t.test('what is not about one app is refused, and what is public tells nothing', async (t) => {
  for (const route of routes) {
    const [method = '', path = ''] = route.split(' ');
    const kind = kindOf(route);
    if (kind === 'refused') {
      const init = method === 'POST' ? { body: '{"user":"user-of-shop"}' } : {};
      const { status } = await ask(both.url, path, { method, headers: basic(OUR_TEAM), ...init });
      t.equal(status, 403, route);
    }
    if (kind === 'public') {
      for (const asked of pathsOf(route).slice(0, 3)) {
        const answer = await ask(both.url, asked, { method });
        t.ok(answer.status < 500 && answer.status !== 401, `${route}: ${answer.status}`);
        t.notMatch(answer.text + JSON.stringify(answer.headers), /secret|sg_live_secret|alice/i, route);
      }
    }
    if (kind === 'own' || kind === 'page' || kind === 'refused') {
      t.equal((await ask(both.url, path, { method })).status, 401, `${route} without a password`);
    }
  }
});

/** What an app's own reader sees of everything. */
async function whole(password: string): Promise<Record<string, unknown>> {
  const seen: Record<string, unknown> = {};
  for (const route of routes.filter((route) => route.startsWith('GET') && kindOf(route) === 'own')) {
    if (route.endsWith('/v1/stream')) continue;
    for (const path of pathsOf(route).filter((path) => !/[?&]app=|APP/.test(path)))
      seen[path] = seenIn(await ask(both.url, path, { headers: basic(password) }));
  }
  return seen;
}

t.test('nothing our key sends to any route, by any method, changes what is theirs', async (t) => {
  const before = await whole(THEIR_TEAM);
  const headers = { 'x-spyglass-key': keyOf(OURS), 'content-type': 'application/octet-stream' };
  const events = storyOf(THEIRS).map((one) => ({ ...one, app: THEIRS, name: 'overwritten' }));
  const bodies: Ask['body'][] = [
    JSON.stringify({ app: OURS, key: keyOf(OURS), events }),
    JSON.stringify({ app: THEIRS, key: keyOf(OURS), events }),
    JSON.stringify({ user: 'alice', app: THEIRS }),
    chunk('ours'),
  ];
  const paths = [...new Set(routes.flatMap((route) => pathsOf(route)[0] ?? []))];
  const queries = ['', '?session=s_1&seq=1', `?session=s_1&seq=1&app=${THEIRS}`, '?session=s_shop&seq=2'];
  const taken: string[] = [];
  const attempts: { path: string; init: Ask }[] = [];
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    for (const path of paths) {
      for (const query of queries) {
        for (const body of bodies) {
          for (const asked of [headers, { ...headers, ...basic(OUR_TEAM) }]) {
            attempts.push({ path: path + query, init: { method, headers: asked, ...(body && { body }) } });
          }
        }
      }
    }
  }
  await eachOf(attempts, async ({ path, init }) => {
    const { status } = await ask(both.url, path, init);
    if (status < 400) taken.push(`${init.method} ${path.split('?')[0]}`);
    if (status >= 500) t.fail(`${init.method} ${path}: ${status}`);
  });
  t.same([...new Set(taken)].sort(), ['POST /v1/events', 'POST /v1/replay'], 'what took something');
  t.same(await whole(THEIR_TEAM), before);
});
