/** `GET /v1/query/sessions` from outside. */
import t from 'tap';
import { startCollector } from '../support/collector.js';
import { apps, DAY, event, get, MINUTE, NOON, store } from '../support/http.js';
import { upload } from '../support/replay.js';
import type { SessionRow } from '../support/rows.js';

const c = await startCollector({
  apps: apps('rows', 'times', 'login', 'order', 'many', 'chunks', 'own', 'other', 'a', 'a-b', 'a0', 'a_b'),
});
t.teardown(() => c.close());

const sessions = async (query: string) =>
  (await get<{ sessions: SessionRow[] }>(c.url, `/v1/query/sessions?${query}`)).sessions;

/** Orders whose UTF-8 bytes, UTF-16 units and locale disagree. */
const BY_BYTES = [
  '!',
  '10',
  '9',
  'A',
  'Z',
  '_',
  'a',
  'ab',
  'a\u{301}',
  'b',
  'é',
  'ÿ',
  '\u0800',
  '￮',
  '\u{10000}',
  '😀',
];

t.test('SES-01 SES-03 SES-09 a row counts its events and errors', async (t) => {
  await store(c.url, 'rows', [
    event({ session_id: 's1', type: 'error' }),
    event({ session_id: 's1', ts: NOON + 5, type: 'bug_report' }),
    event({ session_id: 's1', ts: NOON + 3, type: 'error' }),
    event({ session_id: 's2', ts: NOON + 4, user_id: 'bob' }),
  ]);
  const rows = await sessions('app=rows');
  t.same(rows, [
    {
      session_id: 's1',
      app: 'rows',
      user_id: 'alice',
      started_at: NOON,
      last_seen: NOON + 5,
      chunk_count: 0,
      event_count: 3,
      error_count: 2,
    },
    {
      session_id: 's2',
      app: 'rows',
      user_id: 'bob',
      started_at: NOON + 4,
      last_seen: NOON + 4,
      chunk_count: 0,
      event_count: 1,
      error_count: 0,
    },
  ]);
  t.same(await sessions(''), rows);
  t.same(await sessions('app=times'), []);
});

t.test('SES-06 the least and greatest time, whatever the order of arrival', async (t) => {
  await store(c.url, 'times', [
    event({ session_id: 's', ts: NOON + DAY }),
    event({ session_id: 's', ts: NOON - DAY }),
    event({ session_id: 's', ts: NOON }),
  ]);
  t.match(await sessions('app=times'), [{ started_at: NOON - DAY, last_seen: NOON + DAY, event_count: 3 }]);
  await store(c.url, 'times', [event({ session_id: 's', ts: NOON - 2 * DAY })]);
  await store(c.url, 'times', [event({ session_id: 's', ts: NOON + 2 * DAY })]);
  const rows = await sessions('app=times');
  t.match(rows, [{ started_at: NOON - 2 * DAY, last_seen: NOON + 2 * DAY, event_count: 5 }]);
  t.equal(rows.length, 1, 'an order by last_seen keeps one row');
});

t.test('SES-07 SES-04 the user is that of the newest event, and every user finds the session', async (t) => {
  const at = (user_id: string, minutes: number, session_id = 'login') =>
    event({ user_id, session_id, ts: NOON + minutes * MINUTE });
  const user = async () =>
    (await sessions('app=login&limit=500')).find((row) => row.session_id === 'login')?.user_id;
  await store(c.url, 'login', [at('anonymous', 0)]);
  t.equal(await user(), 'anonymous');
  await store(c.url, 'login', [at('carol', 5), at('anonymous', 4)]);
  t.equal(await user(), 'carol', 'she logged in half-way');
  await store(c.url, 'login', [at('dave', 1)]);
  t.equal(await user(), 'carol', 'a late event is not the newest');
  await store(c.url, 'login', [at('erin', 5)]);
  t.equal(await user(), 'erin', 'of one moment the later id is newer');
  await store(c.url, 'login', [at('carol', 9, 'another'), at('carol', 0, 'third')]);

  const idsOf = async (query: string) => (await sessions(query)).map((row) => row.session_id);
  t.same(await idsOf('user=carol'), ['another', 'login', 'third']);
  t.same(await idsOf('user=dave'), ['login']);
  t.same(await idsOf('user=anonymous&app=login'), ['login']);
  t.same(await idsOf('user=carol&app=rows'), []);
  t.same(await idsOf('user=carol&limit=1'), ['another']);
  t.same(await idsOf('user=nobody'), []);
  const [row] = await sessions('user=dave');
  t.match(row, { user_id: 'erin', event_count: 5, started_at: NOON }, 'the row is the whole session');
});

t.test('SES-02 latest first, then by the bytes of the app, then of the session id', async (t) => {
  await store(c.url, 'order', [
    event({ session_id: 'zz', ts: NOON + 1 }),
    event({ session_id: '0', ts: NOON - 1 }),
  ]);
  const shuffled = [...BY_BYTES.slice(9), ...BY_BYTES.slice(0, 9).reverse()];
  await store(
    c.url,
    'order',
    shuffled.map((session_id) => event({ session_id })),
  );
  const idsOf = async (query: string) => (await sessions(query)).map((row) => row.session_id);
  t.same(await idsOf('app=order'), ['zz', ...BY_BYTES, '0']);
  t.same(await idsOf('app=order&user=alice'), ['zz', ...BY_BYTES, '0']);
  const ts = NOON + 9 * DAY;
  for (const app of ['a_b', 'a0', 'a-b', 'a']) {
    await store(c.url, app, [
      event({ session_id: 'y', ts, user_id: 'tie' }),
      event({ session_id: 'x', ts, user_id: 'tie' }),
    ]);
  }
  for (const query of ['limit=8', 'user=tie']) {
    t.same(
      (await sessions(query)).map((row) => `${row.app} ${row.session_id}`),
      ['a x', 'a y', 'a-b x', 'a-b y', 'a0 x', 'a0 y', 'a_b x', 'a_b y'],
    );
  }
});

t.test('SES-05 100 rows by default and 500 at most', async (t) => {
  const events = Array.from({ length: 510 }, (_, i) =>
    event({ user_id: 'many', ts: NOON + i, session_id: `s${i}` }),
  );
  await store(c.url, 'many', events);
  for (const filter of ['app=many', 'user=many']) {
    const rows = await sessions(filter);
    t.same(
      rows.map((row) => row.last_seen),
      Array.from({ length: 100 }, (_, i) => NOON + 509 - i),
    );
    for (const limit of [500, 501, 9_999]) t.equal((await sessions(`${filter}&limit=${limit}`)).length, 500);
    t.equal((await sessions(`${filter}&limit=3`)).length, 3);
  }
});

t.test('SES-08 chunks that came before the first event are counted once it comes', async (t) => {
  await upload(c.url, { app: 'chunks', session: 's', seq: 2 });
  await upload(c.url, { app: 'chunks', session: 's', seq: 1 });
  t.same(await sessions('app=chunks'), []);
  await store(c.url, 'chunks', [event({ session_id: 's' })]);
  t.match(await sessions('app=chunks'), [{ chunk_count: 2, event_count: 1 }]);
  await upload(c.url, { app: 'chunks', session: 's', seq: 3 });
  t.match(await sessions('app=chunks'), [{ chunk_count: 3, event_count: 1 }]);
  t.match(await sessions('user=alice&app=chunks'), [{ chunk_count: 3 }]);
});

t.test('SES-10 a session of the same id under another app is left alone', async (t) => {
  await store(c.url, 'own', [event({ session_id: 'shared', user_id: 'owner' })]);
  const before = await sessions('app=own');
  const intruder = { session_id: 'shared', user_id: 'owner', ts: NOON + DAY, type: 'error' };
  await store(c.url, 'other', [event(intruder), event({ ...intruder, app: 'own' })]);
  await upload(c.url, { app: 'other', session: 'shared', seq: 1 });
  t.same(await sessions('app=own'), before);
  t.match(await sessions('app=other'), [{ event_count: 2, error_count: 2, chunk_count: 1 }]);
});
