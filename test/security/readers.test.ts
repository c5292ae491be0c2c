/** Who may read what: the operator, a viewer, and one app's team, over every route there is; and who watched a replay. */
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import type { QuestionName } from '../../src/questions/index.js';
import { startCollector } from '../support/collector.js';
import { apps, ask, basic, event, get, keyOf, NOON, problemOf, store } from '../support/http.js';
import { chunk, upload } from '../support/replay.js';
import type { EventsAnswer } from '../support/rows.js';

const OPERATOR = 'operator’s own';
const VIEWER = 'viewer’s own';
const configured = apps('inventory', 'shop');
const c = await startCollector({
  apps: {
    inventory: {
      ...configured.inventory,
      key: keyOf('inventory'),
      origins: [],
      read_password: 'team inventory',
    },
    shop: { key: keyOf('shop'), origins: [], read_password: 'team shop' },
  },
  auth: { dashboard_password: OPERATOR, viewer_password: VIEWER },
});
t.teardown(() => c.close());

for (const app of ['inventory', 'shop']) {
  await store(c.url, app, [
    event({ user_id: `user-of-${app}`, session_id: 's_1', name: `secret-of-${app}`, type: 'error' }),
    event({ user_id: `user-of-${app}`, session_id: `s_${app}`, name: 'view', ts: NOON + 1 }),
    event({ user_id: `user-of-${app}`, session_id: `s_${app}`, name: 'cart', ts: NOON + 2 }),
  ]);
  await upload(c.url, { app, session: 's_1', seq: 1 }, chunk(app));
}

const as = (password: string, path: string, init = {}) =>
  ask(c.url, path, { ...init, headers: { ...basic(password, 'ann'), 'x-test': '1' } });

/** Questions about an id, which alone says whose it is: asked in a test of their own. */
type ById = 'event' | 'incident' | 'occurrences';
const ASKED: Record<Exclude<QuestionName, ById>, string> = {
  events: '/v1/query/events',
  users: '/v1/query/users',
  sessions: '/v1/query/sessions',
  funnel: '/v1/query/funnel?steps=view,cart',
  aggregates: '/v1/query/aggregates',
  names: '/v1/query/names?prefix=secret',
  activity: '/v1/query/activity?user=user-of-shop',
  errors: '/v1/query/errors',
  replay: '/v1/sessions/s_1/replay',
};
/** Every read about apps. */
const READS = [...Object.values(ASKED), '/v1/sessions/s_1/replay/1', '/v1/apps'];
const withApp = (path: string, app: string) => `${path}${path.includes('?') ? '&' : '?'}app=${app}`;

t.test('an app’s reader sees what the operator sees of that app, and nothing else', async (t) => {
  for (const path of READS.filter((path) => path !== '/v1/apps')) {
    const whole = await as(OPERATOR, withApp(path, 'shop'));
    t.equal(whole.status, 200, path);
    for (const asked of [path, withApp(path, 'shop'), withApp(path, '')]) {
      const own = await as('team shop', asked);
      t.equal(own.status, 200, asked);
      t.same(own.bytes, whole.bytes, asked);
    }
    problemOf(await as('team shop', withApp(path, 'inventory')), 403);
    problemOf(await as('team shop', `${withApp(path, 'shop')}&app=inventory`), 403);
    problemOf(await as('team shop', withApp(path, 'nobody')), 403);
  }
  for (const path of ['/metrics', '/v1/audit']) problemOf(await as('team shop', path), 403);
  problemOf(await as('team shop', '/v1/erase', { method: 'POST', body: '{"user":"user-of-shop"}' }), 403);
  for (const path of ['/', '/docs', '/openapi.json', '/some/page'])
    t.equal((await as('team shop', path)).status, 200);
});

t.test('events, incidents and the live feed keep to the app', async (t) => {
  const { events } = await get<EventsAnswer>(c.url, '/v1/query/events?type=error', basic(OPERATOR));
  for (const { id, app } of events) {
    t.equal((await as('team shop', `/v1/incidents/${id}`)).status, app === 'shop' ? 200 : 404);
    t.equal((await as(VIEWER, `/v1/incidents/${id}`)).status, 200);
    t.equal((await as('team shop', `/v1/events/${id}`)).status, app === 'shop' ? 200 : 404);
    t.equal((await as(VIEWER, `/v1/events/${id}`)).status, 200);
  }
  const { groups } = JSON.parse((await as(OPERATOR, '/v1/query/errors')).text) as {
    groups: { group: string; app: string }[];
  };
  t.equal(groups.length, 2);
  for (const { group, app } of groups) {
    const own = JSON.parse(
      (await as('team shop', `/v1/query/occurrences?group=${group}`)).text,
    ) as EventsAnswer;
    t.equal(own.events.length, app === 'shop' ? 1 : 0);
    t.equal((await as('team shop', `/v1/query/errors?group=${group}`)).text.includes('inventory'), false);
  }
  const stop = new AbortController();
  const headers = basic('team shop');
  const stream = await fetch(`${c.url}/v1/stream?after=0`, { headers, signal: stop.signal });
  let text = '';
  for await (const part of stream.body ?? []) {
    text += Buffer.from(part).toString();
    if (text.includes('"cart"')) break;
  }
  stop.abort();
  t.match(text, 'secret-of-shop');
  t.notMatch(text, 'inventory');
  problemOf(await as('team shop', '/v1/stream?app=inventory'), 403);
});

t.test('keys are for the operator alone', async (t) => {
  const rows = async (password: string) => JSON.parse((await as(password, '/v1/apps')).text);
  t.match(await rows(OPERATOR), {
    role: 'operator',
    apps: [{ key: keyOf('inventory') }, { key: keyOf('shop') }],
  });
  t.match(await rows(VIEWER), { role: 'viewer', apps: [{ name: 'inventory' }, { name: 'shop' }] });
  const own = await rows('team shop');
  t.match(own, { role: 'app', apps: [{ name: 'shop' }] });
  t.equal(own.apps.length, 1);
  for (const password of [VIEWER, 'team shop']) t.notMatch((await as(password, '/v1/apps')).text, 'sg_live_');
});

t.test('a viewer reads everything and changes nothing', async (t) => {
  for (const path of [...READS.map((path) => withApp(path, 'shop')), '/metrics', '/']) {
    t.equal((await as(VIEWER, path)).status, 200, path);
  }
  problemOf(await as(VIEWER, '/v1/audit'), 403);
  problemOf(await as(VIEWER, '/v1/erase', { method: 'POST', body: '{"user":"user-of-shop"}' }), 403);
  t.equal((await as(OPERATOR, '/v1/query/events?user=user-of-shop')).text.includes('secret-of-shop'), true);
});

t.test('who watched which replay is written down, for the operator to list', async (t) => {
  const { entries } = JSON.parse((await as(OPERATOR, '/v1/audit')).text);
  const watched = entries.map(({ role, name, app, session_id }: Record<string, string>) => [
    role,
    name,
    app,
    session_id,
  ]);
  t.same(watched[0], ['viewer', 'ann', 'shop', 's_1'], 'newest first');
  t.same(
    new Set(watched.map((row: string[]) => row.join(' '))),
    new Set(['operator ann shop s_1', 'app ann shop s_1', 'viewer ann shop s_1']),
  );
  t.equal(watched.length, 3, 'a watching that goes on is one line');
  for (const { at, address } of entries) {
    t.ok(Math.abs(Date.now() - at) < 600_000);
    t.equal(address, '127.0.0.1');
  }
  await as(VIEWER, '/v1/sessions/s_1/replay/1?app=inventory');
  await as(VIEWER, '/v1/sessions/s_1/replay/9?app=inventory');
  await as(VIEWER, '/v1/sessions/s_1/replay?app=inventory');
  t.equal(JSON.parse((await as(OPERATOR, '/v1/audit?limit=1')).text).entries[0].app, 'inventory');
  const file = join(c.dataDir, 'audit.ndjson');
  t.equal(
    (await readFile(file, 'utf8')).trimEnd().split('\n').length,
    4,
    'what was not there was not watched',
  );
  await appendFile(file, '{"at":1,"ro');
  await c.restart();
  t.equal(
    JSON.parse((await as(OPERATOR, '/v1/audit')).text).entries.length,
    4,
    'a line cut short harms nothing',
  );
});

t.test('wrong passwords of any kind are counted together', async (t) => {
  const from = '127.0.0.9';
  for (let n = 0; n < 10; n++)
    t.equal((await ask(c.url, '/', { headers: basic(`wrong ${n}`), from })).status, 401);
  for (const password of [OPERATOR, VIEWER, 'team shop']) {
    problemOf(await ask(c.url, '/', { headers: basic(password), from }), 429);
  }
});
