/** `GET /v1/events/:id` from outside. */
import t from 'tap';
import { startCollector } from '../support/collector.js';
import {
  apps,
  ask,
  basic,
  DAY,
  event,
  get,
  keyOf,
  NOON,
  problemOf,
  refusal,
  store,
} from '../support/http.js';
import type { EventRow, EventsAnswer } from '../support/rows.js';

const OPERATOR = 'the operator’s';
const config = (name: string) => ({ key: keyOf(name), origins: [], read_password: `team ${name}` });
const c = await startCollector({
  apps: { inventory: config('inventory'), shop: config('shop') },
  auth: { dashboard_password: OPERATOR },
});
t.teardown(() => c.close());
const open = await startCollector({ apps: apps('inventory') });
t.teardown(() => open.close());

t.test('EVT-01 an event of any type is answered as listings give it', async (t) => {
  const full = { url: '/x', user: { name: 'Ålice', email: 'a@x' } };
  const props = '{ "big": 12345678901234567890.10 }';
  const types = ['event', 'pageview', 'error', 'network', 'bug_report'];
  const events = types.map((type) =>
    JSON.stringify(event({ ...full, type })).replace(/}$/, `,"props":${props}}`),
  );
  const { app, key } = { app: 'inventory', key: keyOf('inventory') };
  await ask(open.url, '/v1/events', { body: `{"app":"${app}","key":"${key}","events":[${events}]}` });
  await store(open.url, 'inventory', [event({ ts: NOON - DAY })], { sent_at: Date.now() - DAY });
  const listed = await ask(open.url, '/v1/query/events');
  const rows = (JSON.parse(listed.text) as EventsAnswer).events;
  t.equal(rows.length, 6);
  t.same(new Set(rows.map(({ type }) => type)), new Set(types));
  t.ok(rows.some(({ client_ts }) => client_ts !== undefined));
  for (const row of rows) {
    t.same(await get<EventRow>(open.url, `/v1/events/${row.id}`), row);
    const { text, headers } = await ask(open.url, `/v1/events/${row.id}`);
    t.ok(listed.text.includes(text), 'byte for byte');
    if (row.props !== undefined) t.match(text, `"props":${props}`);
    t.match(headers['content-type'], /^application\/json\b/);
  }
});

t.test('EVT-02 an event that does not exist is a 404', async () => {
  for (const id of ['999999', String(2 ** 48), String(2 ** 53), String(2 ** 53 + 1), '9'.repeat(26)])
    await refusal(open.url, `/v1/events/${id}`, 404);
});

t.test('EVT-03 an event taken by retention is a 404', async (t) => {
  await store(open.url, 'inventory', [
    event({ ts: NOON - 30 * DAY, name: 'old' }),
    event({ ts: NOON - 20 * DAY, name: 'kept' }),
  ]);
  const { events } = await get<EventsAnswer>(open.url, `/v1/query/events?to=${NOON - 20 * DAY}`);
  const idOf = (name: string) => events.find((row) => row.name === name)?.id;
  t.equal((await get<EventRow>(open.url, `/v1/events/${idOf('old')}`)).name, 'old');
  await open.store.sweep({ eventsBefore: NOON - 20 * DAY - DAY / 2 });
  await refusal(open.url, `/v1/events/${idOf('old')}`, 404);
  t.equal((await get<EventRow>(open.url, `/v1/events/${idOf('kept')}`)).name, 'kept');
});

t.test('EVT-04 an id that is no positive integer is a 400 that names it', async (t) => {
  for (const id of ['abc', '0', '-1', '1.5', '1e0', '0x1', '01', '%201', '1%00', 'NaN', '1,2', '%2B1', '%ff'])
    t.match(await refusal(open.url, `/v1/events/${id}`, 400), { status: 400 }, id);
  t.match(await refusal(open.url, '/v1/events/abc', 400), { errors: [{ path: 'id' }] });
});

t.test('EVT-05 to an app’s reader events of other apps do not exist', async (t) => {
  for (const app of ['inventory', 'shop']) await store(c.url, app, [event({ name: `of ${app}` })]);
  const { events } = await get<EventsAnswer>(c.url, '/v1/query/events', basic(OPERATOR));
  t.equal(events.length, 2);
  for (const row of events) {
    const path = `/v1/events/${row.id}`;
    t.same(await get(c.url, path, basic(OPERATOR)), row);
    problemOf(await ask(c.url, path), 401);
    for (const team of ['inventory', 'shop']) {
      const answer = await ask(c.url, path, { headers: basic(`team ${team}`) });
      if (row.app === team) t.same(JSON.parse(answer.text), row);
      else t.notMatch(problemOf(answer, 404), row.app);
    }
  }
});

t.test('EVT-06 HEAD answers as GET does, other methods are a 405', async (t) => {
  await store(open.url, 'inventory', [event({ ts: NOON + DAY })]);
  const [row] = (await get<EventsAnswer>(open.url, '/v1/query/events?limit=1')).events;
  const path = `/v1/events/${row?.id}`;
  const [head, got] = [await ask(open.url, path, { method: 'HEAD' }), await ask(open.url, path)];
  t.equal(head.status, 200);
  t.equal(head.text, '');
  for (const name of ['content-type', 'content-length', 'cache-control'])
    t.equal(head.headers[name], got.headers[name], name);
  t.equal((await ask(open.url, '/v1/events/999999', { method: 'HEAD' })).status, 404);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const answer = await ask(open.url, path, { method });
    problemOf(answer, 405);
    t.equal(answer.headers.allow, 'GET, HEAD', method);
  }
});
