/** One app's key and another app's things: every way to write, against everything there is to read. */
import t from 'tap';
import { startCollector } from '../support/collector.js';
import { apps, ask, event, keyOf, NOON, postEvents, SECOND, store } from '../support/http.js';
import { chunk, upload } from '../support/replay.js';

const OURS = 'inventory';
const THEIRS = 'shop';
const c = await startCollector({ apps: apps(OURS, THEIRS) });
t.teardown(() => c.close());

/** Everything the API tells of the other app. */
const READS = [
  ...['events?limit=500', 'users', 'sessions', 'aggregates', 'funnel?steps=view,cart'].map(
    (path) => `query/${path}`,
  ),
  ...[
    'query/events?user=alice',
    'query/events?session=s_1',
    'query/events?type=error',
    'query/sessions?user=alice',
  ],
  ...['sessions/s_1/replay', 'sessions/s_1/replay/1', 'sessions/s_1/replay/2', 'sessions/s_2/replay'],
];

async function seen(app: string): Promise<Record<string, unknown>> {
  const answers: Record<string, unknown> = {};
  for (const path of READS) {
    const { status, text, headers } = await ask(
      c.url,
      `/v1/${path}${path.includes('?') ? '&' : '?'}app=${app}`,
    );
    // The newest id of all apps tells that something was stored, and no more; and each answer has its own name.
    answers[path] = {
      status,
      text: text.replace(/"head":\d+/, '').replace(/,"instance":"[^"]*"/, ''),
      etag: headers.etag,
    };
  }
  return answers;
}

const theirs = () => [
  event({ name: 'view', user: { name: 'Alice of the shop' } }),
  event({ name: 'cart', type: 'error', ts: NOON + SECOND }),
];

t.test('nothing sent with one app’s key touches another app', async (t) => {
  await store(c.url, THEIRS, theirs(), { batch_id: 'batch-of-theirs' });
  await upload(c.url, { app: THEIRS, session: 's_1', seq: 1, ts: NOON }, chunk('theirs'));
  const before = await seen(THEIRS);

  const envelopes = [
    // As ourselves: with their ids, their batch_id, and their name on the events.
    { status: 204, body: { app: OURS, key: keyOf(OURS), batch_id: 'batch-of-theirs' } },
    { status: 204, body: { app: OURS, key: keyOf(OURS) } },
    // As them.
    { status: 401, body: { app: THEIRS, key: keyOf(OURS) } },
    { status: 401, body: { app: THEIRS.toUpperCase(), key: keyOf(THEIRS) } },
    { status: 401, body: { app: `${THEIRS}\u0000`, key: keyOf(OURS) } },
    { status: 400, body: { app: [THEIRS], key: keyOf(OURS) } },
    { status: 400, body: { app: THEIRS, key: [keyOf(THEIRS)] } },
    { status: 401, body: { app: THEIRS, key: '' } },
  ];
  for (const { status, body } of envelopes) {
    const events = theirs().map((one) => ({ ...one, app: THEIRS, name: 'cart', user: { name: 'Mallory' } }));
    const answer = await postEvents(c.url, { ...body, events });
    t.equal(answer.status, status, JSON.stringify(body));
  }

  const uploads = [
    { status: 204, query: 'session=s_1&seq=1', key: keyOf(OURS) },
    { status: 204, query: `session=s_1&seq=2&app=${OURS}`, key: keyOf(OURS) },
    { status: 204, query: 'session=s_2&seq=1', key: keyOf(OURS) },
    { status: 401, query: `session=s_1&seq=1&app=${THEIRS}`, key: keyOf(OURS) },
    { status: 400, query: `session=s_1&seq=1&app=${OURS}&app=${THEIRS}`, key: keyOf(OURS) },
    { status: 401, query: `session=s_1&seq=1&app=${THEIRS}`, key: '' },
    { status: 401, query: 'session=s_1&seq=1', key: `${keyOf(OURS)},${keyOf(THEIRS)}` },
  ];
  for (const { status, query, key } of uploads) {
    const headers = { 'x-spyglass-key': key, 'content-type': 'application/octet-stream' };
    const answer = await ask(c.url, `/v1/replay?${query}`, { method: 'POST', headers, body: chunk('ours') });
    t.equal(answer.status, status, query);
  }
  t.same(await seen(THEIRS), before);
  await c.restart();
  t.same(await seen(THEIRS), before, 'after a restart too');
});

t.test('and what it sent is all there, as its own', async (t) => {
  const ours = await seen(OURS);
  const events = JSON.parse((ours['query/events?limit=500'] as { text: string }).text.replace(',}', '}')) as {
    events: { app: string; user: { name: string } }[];
  };
  t.equal(events.events.length, 4);
  for (const one of events.events) t.match(one, { app: OURS, user: { name: 'Mallory' } });
});
