/** `GET /v1/query/users` from outside. */
import t from 'tap';
import { startCollector } from '../support/collector.js';
import { apps, DAY, event, get, MINUTE, NOON, store } from '../support/http.js';
import type { UserRow } from '../support/rows.js';

const c = await startCollector({
  apps: apps('rows', 'times', 'people', 'order', 'many', 'a', 'a-b', 'a0', 'a_b', 'aa'),
});
t.teardown(() => c.close());

const users = async (query: string) =>
  (await get<{ users: UserRow[] }>(c.url, `/v1/query/users?${query}`)).users;

/** Orders whose UTF-8 bytes, UTF-16 units and locale disagree. */
const BY_BYTES = [
  '!',
  '0',
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

t.test('USR-01 USR-03 USR-07 one row per user and app', async (t) => {
  await store(c.url, 'rows', [
    event({ user_id: 'alice', session_id: 's1' }),
    event({ user_id: 'alice', session_id: 's1', type: 'error' }),
    event({ user_id: 'bob', session_id: 's1', ts: NOON + 1 }),
    event({ user_id: 'alice', session_id: 's2', ts: NOON + 5, type: 'network' }),
  ]);
  await store(c.url, 'times', [event({ user_id: 'alice', session_id: 's1', ts: NOON + 2 })]);
  const [alice, elsewhere, bob] = await users('');
  t.same(alice, { user_id: 'alice', app: 'rows', last_seen: NOON + 5, session_count: 2, first_seen: NOON });
  t.same(elsewhere, {
    user_id: 'alice',
    app: 'times',
    last_seen: NOON + 2,
    session_count: 1,
    first_seen: NOON + 2,
  });
  t.same(bob, { user_id: 'bob', app: 'rows', last_seen: NOON + 1, session_count: 1, first_seen: NOON + 1 });
  t.same(await users('app=rows'), [alice, bob]);
});

t.test('USR-02 USR-03 the least and greatest time, whatever the order of arrival', async (t) => {
  for (const ts of [NOON, NOON - 3 * DAY, NOON + 3 * DAY, NOON + DAY]) {
    await store(c.url, 'times', [event({ user_id: 'late', session_id: 's', ts })]);
  }
  const row = (await users('app=times')).find(({ user_id }) => user_id === 'late');
  t.match(row, { first_seen: NOON - 3 * DAY, last_seen: NOON + 3 * DAY, session_count: 1 });
});

t.test('USR-04 USR-05 the newest name and email win, each for itself', async (t) => {
  const tell = (minutes: number, user?: object) =>
    store(c.url, 'people', [event({ user_id: 'ada', ts: NOON + minutes * MINUTE, user })]);
  const row = async () => {
    const [{ name, email } = {}] = (await users('app=people')) as [UserRow?];
    return { name, email };
  };
  await tell(0);
  t.notOk('name' in ((await users('app=people'))[0] ?? {}), 'nobody told a name');
  await tell(5, { name: 'Ada' });
  t.same(await row(), { name: 'Ada', email: undefined });
  await tell(6, { email: 'ada@new' });
  t.same(await row(), { name: 'Ada', email: 'ada@new' });
  await tell(1, { name: 'Ada Old', email: 'ada@old' });
  t.same(await row(), { name: 'Ada', email: 'ada@new' }, 'an older event changes nothing');
  await tell(7, { name: 'Countess' });
  await tell(8);
  t.same(await row(), { name: 'Countess', email: 'ada@new' });
  await tell(7, { name: 'Lady' });
  t.same(await row(), { name: 'Lady', email: 'ada@new' }, 'of one moment the later id is newer');
  await store(c.url, 'people', [
    event({ user_id: 'ada', ts: NOON + 20 * MINUTE, user: { name: 'Last' } }),
    event({ user_id: 'ada', ts: NOON + 10 * MINUTE, user: { name: 'First', email: 'first@one' } }),
  ]);
  t.same(await row(), { name: 'Last', email: 'first@one' }, 'within a batch too');
});

t.test('USR-06 latest first, then by the bytes of the user id, then of the app', async (t) => {
  const shuffled = [...BY_BYTES.slice(9), ...BY_BYTES.slice(0, 9).reverse()];
  await store(c.url, 'order', [
    event({ user_id: 'zz', ts: NOON + 1 }),
    event({ user_id: '0', ts: NOON - 1 }),
  ]);
  const rest = shuffled.filter((user_id) => user_id !== '0');
  await store(
    c.url,
    'order',
    rest.map((user_id) => event({ user_id })),
  );
  const expected = ['zz', ...BY_BYTES.filter((user_id) => user_id !== '0'), '0'];
  t.same(
    (await users('app=order')).map((row) => row.user_id),
    expected,
  );

  const long = ['a', 'b'].map((end) => 'x'.repeat(255) + end);
  for (const user_id of long.toReversed()) await store(c.url, 'order', [event({ user_id, ts: NOON + 9 })]);
  t.same(
    (await users('app=order&limit=2')).map((row) => row.user_id),
    long,
    'to the last character',
  );

  for (const app of ['aa', 'a_b', 'a0', 'a-b', 'a'])
    await store(c.url, app, [event({ user_id: 'same', ts: NOON + 9 * DAY })]);
  // Rows of several apps are put in order together.
  for (const [i, user_id] of ['\u{10000}', '￮', '\u0800', 'é', 'b'].entries()) {
    await store(c.url, i % 2 ? 'a' : 'aa', [event({ user_id, ts: NOON + 10 * DAY })]);
  }
  const mixed = (await users('limit=5')).map((row) => row.user_id);
  t.same(mixed, ['b', 'é', '\u0800', '￮', '\u{10000}']);
  t.same(
    (await users('limit=10')).slice(5).map((row) => row.app),
    ['a', 'a-b', 'a0', 'a_b', 'aa'],
  );
});

t.test('USR-08 100 rows by default and 500 at most', async (t) => {
  const events = Array.from({ length: 510 }, (_, i) =>
    event({ user_id: `u${i}`, ts: NOON + i, session_id: `s${i}` }),
  );
  await store(c.url, 'many', events);
  const rows = await users('app=many');
  t.equal(rows.length, 100);
  t.same(
    rows.map((row) => row.last_seen),
    Array.from({ length: 100 }, (_, i) => NOON + 509 - i),
  );
  for (const limit of [500, 501, 9_999]) t.equal((await users(`app=many&limit=${limit}`)).length, 500);
  t.equal((await users('app=many&limit=3')).length, 3);
});
