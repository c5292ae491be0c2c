/** `GET /v1/incidents/:event_id` from outside. */
import t from 'tap';
import { startCollector } from '../support/collector.js';
import { apps, event, get, MINUTE, NOON, refusal, SECOND, store } from '../support/http.js';
import { chunkAt, upload } from '../support/replay.js';
import type { EventsAnswer, IncidentAnswer } from '../support/rows.js';

const c = await startCollector({ apps: apps('inventory', 'shop') });
t.teardown(() => c.close());
const single = await startCollector({ apps: apps('inventory') });
t.teardown(() => single.close());

/** Stores an error at `NOON` in a session of its own and returns its id. */
async function incident(session_id: string, over: object = {}, url = single.url): Promise<number> {
  await store(url, 'inventory', [event({ session_id, type: 'error', name: 'boom', ...over })]);
  return (await get<EventsAnswer>(url, '/v1/query/events?limit=1')).head;
}
const slice = (id: number, url = single.url) => get<IncidentAnswer>(url, `/v1/incidents/${id}`);
const cue = async (id: number) => (await slice(id)).replay_cue?.chunks.map((row) => row.seq);

t.test('INC-01 INC-12 the shape of the reference', async (t) => {
  await upload(single.url, { app: 'inventory', session: 's_abc', seq: 4, ts: NOON });
  for (const type of ['error', 'bug_report']) {
    const id = await incident('s_abc', {
      type,
      ts: NOON + (type === 'error' ? 0 : 5 * MINUTE),
      props: { a: [1] },
    });
    const { breadcrumbs, group, ...rest } = await slice(id);
    t.equal(typeof group, type === 'error' ? 'string' : 'undefined', 'only errors have a group');
    const ts = NOON + (type === 'error' ? 0 : 5 * MINUTE);
    const row = {
      id,
      ts,
      app: 'inventory',
      user_id: 'alice',
      session_id: 's_abc',
      type,
      name: 'boom',
      props: { a: [1] },
    };
    t.same(rest, {
      event: row,
      incident_ts: ts,
      session_id: 's_abc',
      replay_cue: { chunks: [{ seq: 4, ts: NOON, path: '/v1/sessions/s_abc/replay/4' }] },
    });
    t.same(breadcrumbs, [row]);
  }
});

t.test('INC-02 an event of another type is a 400', async () => {
  for (const type of ['event', 'pageview', 'network']) {
    const id = await incident('types', { type });
    await refusal(single.url, `/v1/incidents/${id}`, 400);
  }
});

t.test('INC-03 an id that is no positive integer is a 400', async () => {
  for (const id of [
    'abc',
    '0',
    '-1',
    '1.5',
    '1e0',
    '0x1',
    '%201',
    '1%00',
    'NaN',
    'Infinity',
    '1,2',
    '%2B1',
  ]) {
    await refusal(single.url, `/v1/incidents/${id}`, 400);
  }
});

t.test('INC-04 an event that does not exist is a 404', async () => {
  for (const id of ['999999', String(2 ** 48), String(2 ** 53), '99999999999999999999999999']) {
    await refusal(single.url, `/v1/incidents/${id}`, 404);
  }
});

t.test('INC-05 INC-06 INC-07 the window of one session, ascending, both ends inclusive', async (t) => {
  const at = (name: string, off: number, over: object = {}) =>
    event({ session_id: 'window', name, ts: NOON + off, ...over });
  await store(single.url, 'inventory', [
    at('after', 10 * SECOND + 1),
    at('last', 10 * SECOND),
    at('tie1', 0),
    at('first', -60 * SECOND),
    at('before', -60 * SECOND - 1),
    at('other person', -30 * SECOND, { user_id: 'bob' }),
    at('network', -5 * SECOND, { type: 'network' }),
    at('other session', 0, { session_id: 'window2' }),
  ]);
  const id = await incident('window');
  await store(single.url, 'inventory', [at('tie2', 0), at('late arrival', -59 * SECOND)]);
  const { breadcrumbs, event: own } = await slice(id);
  t.same(
    breadcrumbs.map((row) => row.name),
    ['first', 'late arrival', 'other person', 'network', 'tie1', 'boom', 'tie2', 'last'],
  );
  t.same(
    breadcrumbs.find((row) => row.id === id),
    own,
  );

  await store(c.url, 'shop', [at('other app', 0)]);
  const alone = await incident('window', {}, c.url);
  t.same(
    (await slice(alone, c.url)).breadcrumbs.map((row) => row.name),
    ['boom'],
  );
});

t.test('INC-14 every event of the window, however many', async (t) => {
  const crowd = Array.from({ length: 3_000 }, (_, i) =>
    event({ session_id: 'crowd', name: `n${i}`, ts: NOON - 60 * SECOND + i * 20 }),
  );
  await store(single.url, 'inventory', crowd);
  const { breadcrumbs } = await slice(await incident('crowd'));
  t.equal(breadcrumbs.length, 3_001);
});

t.test('INC-08 INC-09 INC-11 the chunks that overlap the window', async (t) => {
  const put = (session: string, seq: number, off: number) =>
    upload(single.url, { app: 'inventory', session, seq, ts: NOON + off });
  const id = await incident('cue');
  t.notOk('replay_cue' in (await slice(id)), 'no chunk, no cue');

  await put('cue', 3, 10 * SECOND + 1);
  t.notOk('replay_cue' in (await slice(id)), 'a chunk that begins after the window does not overlap');
  await put('cue', 3, 10 * SECOND);
  t.same(await cue(id), [3], 'one that begins with its last moment does');
  await put('cue', 2, -60 * SECOND - 500);
  t.same(await cue(id), [2, 3], 'one that began before it and ends within does');
  await put('cue', 1, -200 * SECOND);
  t.same(await cue(id), [2, 3], 'one that ended before it does not');
  for (const [seq, off] of [
    [4, 11 * SECOND],
    [5, 500 * SECOND],
  ] as const)
    await put('cue', seq, off);
  t.same(await cue(id), [2, 3]);

  const open = await incident('open');
  await put('open', 1, -999 * SECOND);
  await put('open', 2, -500 * SECOND);
  t.same(await cue(open), [2], 'the last chunk is open-ended');

  const disorder = await incident('disorder');
  await put('disorder', 1, -300 * SECOND);
  await put('disorder', 2, 400 * SECOND);
  await put('disorder', 3, -100 * SECOND);
  await put('disorder', 4, -350 * SECOND);
  await put('disorder', 5, 300 * SECOND);
  t.same(await cue(disorder), [3, 4], 'it is the least greater ts of a later seq that ends a chunk');

  const ties = await incident('ties');
  for (const seq of [1, 2]) await put('ties', seq, -100 * SECOND);
  t.same(await cue(ties), [1, 2], 'an equal ts is not greater');
});

t.test('INC-10 a chunk without ts always counts, and ends none', async (t) => {
  const id = await incident('timeless');
  await upload(single.url, { app: 'inventory', session: 'timeless', seq: 2 });
  t.same((await slice(id)).replay_cue, { chunks: [{ seq: 2, path: '/v1/sessions/timeless/replay/2' }] });
  await upload(single.url, { app: 'inventory', session: 'timeless', seq: 1, ts: NOON - 999 * SECOND });
  t.same(await cue(id), [1, 2]);
});

t.test('INC-13 with several apps a cue says whose its chunks are', async (t) => {
  for (const app of ['inventory', 'shop']) await upload(c.url, { app, session: 'a/b', seq: 1, ts: NOON });
  const id = await incident('a/b', {}, c.url);
  const { replay_cue } = await slice(id, c.url);
  t.same(replay_cue?.chunks, [{ seq: 1, ts: NOON, path: '/v1/sessions/a%2Fb/replay/1?app=inventory' }]);
  t.ok((await chunkAt(c.url, replay_cue?.chunks[0]?.path ?? '')).length > 0);
});
