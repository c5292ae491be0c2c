/** `GET /v1/query/events` from outside: filters, order, pages and what a row holds. */
import t from 'tap';
import { startCollector } from '../support/collector.js';
import { apps, event, get, MINUTE, NOON, refusal, store } from '../support/http.js';
import type { AggregatesAnswer, EventsAnswer, SessionRow, UserRow } from '../support/rows.js';

const c = await startCollector({ apps: apps('inventory', 'shop', 'pages', 'order') });
t.teardown(() => c.close());

const ask = (query: string) => get<EventsAnswer>(c.url, `/v1/query/events?${query}`);
const names = async (query: string) => (await ask(query)).events.map((row) => row.name);

t.test('QEV-11 the head of an empty store is 0', async (t) => {
  t.same(await ask(''), { events: [], head: 0 });
});

t.test('QEV-14 QEV-12 a row has what the event had, and nothing for what it had not', async (t) => {
  await store(c.url, 'inventory', [
    event({ user_id: 'bare', type: 'error', name: 'boom' }),
    event({ user_id: 'full', url: '/x', props: { a: 1 }, user: { name: 'Full' } }),
  ]);
  const bare = await ask('user=bare');
  t.same(bare, {
    events: [
      { id: 1, ts: NOON, app: 'inventory', user_id: 'bare', session_id: 's_1', type: 'error', name: 'boom' },
    ],
    head: 2,
  });
  const { events } = await ask('user=full');
  t.same(events, [
    {
      id: 2,
      ts: NOON,
      app: 'inventory',
      user_id: 'full',
      session_id: 's_1',
      type: 'event',
      name: 'click',
      url: '/x',
      props: { a: 1 },
      user: { name: 'Full' },
    },
  ]);
});

t.test('QEV-01 newest first by ts, then by id, whatever the order of arrival', async (t) => {
  const at = (name: string, ts: number, session_id = 's') =>
    event({ user_id: 'order', name, ts: NOON + ts, session_id });
  await store(c.url, 'order', [at('c', 5), at('a', 1), at('d', 5, 's2'), at('f', 90 * MINUTE)]);
  await store(c.url, 'order', [at('e', 5), at('b', 2), at('g', 48 * 60 * MINUTE)]);
  await store(c.url, 'order', [at('0', -400 * 24 * 60 * MINUTE)]);
  const newestFirst = ['g', 'f', 'e', 'd', 'c', 'b', 'a', '0'];
  t.same(await names('app=order'), newestFirst);
  t.same(await names('user=order'), newestFirst);
  t.same(await names('user=order&type=event'), newestFirst);
  t.same(
    await names('session=s'),
    newestFirst.filter((name) => name !== 'd'),
  );
});

const people = ['ann', 'bob'];
const types = ['event', 'error'];
const filterApps = ['inventory', 'shop'];
const sessionIds = ['s_x', 's_y'];
/** One event of every combination of app, user, type and session, five minutes apart. */
const grid = filterApps.flatMap((app) =>
  people.flatMap((user_id) =>
    types.flatMap((type) => sessionIds.map((session_id) => ({ app, user_id, type, session_id }))),
  ),
);

t.test('with events of every combination', async (t) => {
  const start = NOON + 10 * 24 * 60 * MINUTE;
  const rows = grid.map((row, i) => ({ ...row, ts: start + i * 5 * MINUTE, name: `g${i}` }));
  for (const row of rows) await store(c.url, row.app, [event(row)]);
  const expected = (keep: (row: (typeof rows)[number]) => boolean) =>
    rows
      .filter(keep)
      .map((row) => row.name)
      .reverse();
  const since = `from=${start}`;

  t.test('QEV-02 QEV-03 QEV-04 QEV-05 each filter by itself', async (t) => {
    for (const user of people)
      t.same(
        await names(`${since}&user=${user}`),
        expected((row) => row.user_id === user),
      );
    for (const type of types)
      t.same(
        await names(`${since}&type=${type}`),
        expected((row) => row.type === type),
      );
    for (const app of filterApps)
      t.same(
        await names(`${since}&app=${app}`),
        expected((row) => row.app === app),
      );
    for (const session of sessionIds) {
      t.same(
        await names(`${since}&session=${session}`),
        expected((row) => row.session_id === session),
      );
    }
    t.same(await names(`${since}&type=network`), []);
    t.same(await names(`${since}&user=nobody`), []);
    t.same(await names(`${since}&session=none`), []);
    t.same(await names('user=an'), [], 'a prefix is no match');
  });

  t.test('QEV-06 bounds are inclusive', async (t) => {
    for (const [first, last] of [
      [0, 15],
      [3, 3],
      [4, 11],
      [15, 15],
    ] as const) {
      const [from, to] = [start + first * 5 * MINUTE, start + last * 5 * MINUTE];
      const inside = expected((row) => row.ts >= from && row.ts <= to);
      t.equal(inside.length, last - first + 1);
      t.same(await names(`from=${from}&to=${to}`), inside);
      const short = expected((row) => row.ts > from && row.ts < to);
      t.same(await names(`from=${from + 1}&to=${to - 1}`), short);
    }
    t.same(await names(`from=${start + 75 * MINUTE}`), ['g15']);
    t.same(
      await names(`${since}&to=${2 ** 48 - 1}`),
      expected(() => true),
    );
    const whole = await names(`from=0&to=${2 ** 48 - 1}&limit=500`);
    t.same(whole, await names('limit=500'));
  });

  t.test('QEV-08 QEV-11 any combination of filters', async (t) => {
    const { head } = await ask('');
    const choices = <V>(values: readonly V[]): (V | undefined)[] => [undefined, values[1]];
    for (const user of choices(people)) {
      for (const type of choices(types)) {
        for (const app of choices(filterApps)) {
          for (const session of choices(sessionIds)) {
            for (const to of [undefined, start + 55 * MINUTE]) {
              const given = Object.entries({ user, type, app, session, to }).flatMap(([name, value]) =>
                value === undefined ? [] : [`${name}=${value}`],
              );
              const answer = await ask([since, ...given].join('&'));
              const keep = expected(
                (row) =>
                  row.user_id === (user ?? row.user_id) &&
                  row.type === (type ?? row.type) &&
                  row.app === (app ?? row.app) &&
                  row.session_id === (session ?? row.session_id) &&
                  row.ts <= (to ?? row.ts),
              );
              t.same(
                answer.events.map((row) => row.name),
                keep,
                given.join('&'),
              );
              t.equal(answer.head, head);
            }
          }
        }
      }
    }
  });
});

t.test('with 700 events, many of one moment', async (t) => {
  const moments = Array.from({ length: 700 }, (_, i) => NOON + ((i * 7) % 23));
  const events = moments.map((ts, i) =>
    event({ ts, user_id: `u${i % 3}`, session_id: `s${i % 2}`, name: `p${i}` }),
  );
  await store(c.url, 'pages', events.slice(0, 400));
  await store(c.url, 'pages', events.slice(400));

  t.test('QEV-07 a page has 100 rows by default and 500 at most', async (t) => {
    t.equal((await ask('app=pages')).events.length, 100);
    t.equal((await ask('app=pages&limit=1')).events.length, 1);
    t.equal((await ask('app=pages&limit=500')).events.length, 500);
    t.equal((await ask('app=pages&limit=501')).events.length, 500);
    t.equal((await ask('app=pages&limit=1000000')).events.length, 500);
  });

  /** Follows the cursor to the end. */
  const walk = async (query: string) => {
    const ids: number[] = [];
    let page = await ask(query);
    for (;;) {
      ids.push(...page.events.map((row) => row.id));
      if (page.next_cursor === undefined) return ids;
      page = await ask(`${query}&cursor=${encodeURIComponent(page.next_cursor)}`);
    }
  };

  t.test('QEV-09 QEV-10 pages give each event once, in order, to the last', async (t) => {
    const first = Math.min(...(await walk('app=pages&limit=500')));
    const tsOf = (id: number) => moments[id - first] ?? 0;
    for (const [query, count] of [
      ['app=pages', 700],
      ['app=pages&limit=499', 700],
      ['app=pages&user=u1&limit=7', 233],
      ['app=pages&session=s1&limit=50', 350],
      ['app=pages&type=event&user=u2&session=s0&limit=13', 117],
      [`app=pages&from=${NOON + 5}&to=${NOON + 5}&limit=3`, moments.filter((ts) => ts === NOON + 5).length],
    ] as const) {
      const ids = await walk(query);
      t.equal(ids.length, count, query);
      t.equal(new Set(ids).size, count);
      const sorted = ids.toSorted((a, b) => tsOf(b) - tsOf(a) || b - a);
      t.same(ids, sorted);
    }
  });

  t.test('QEV-10 a page that ends with the last event has no cursor', async (t) => {
    const only = `app=pages&from=${NOON + 3}&to=${NOON + 3}`;
    const count = moments.filter((ts) => ts === NOON + 3).length;
    t.notOk('next_cursor' in (await ask(`${only}&limit=${count}`)));
    t.notOk('next_cursor' in (await ask(`${only}&limit=${count + 1}`)));
    t.ok('next_cursor' in (await ask(`${only}&limit=${count - 1}`)));
  });

  t.test('QEV-15 a listing goes on where it was when events arrive meanwhile', async (t) => {
    const before = await walk('app=pages');
    const first = await ask('app=pages&limit=350');
    await store(c.url, 'pages', [event({ ts: NOON + 30_000, name: 'new' })]);
    const cursor = encodeURIComponent(first.next_cursor ?? '');
    const rest = await walk(`app=pages&limit=350&cursor=${cursor}`).catch(() => []);
    t.same([...first.events.map((row) => row.id), ...rest], before);
  });

  t.test('QEV-09 a cursor that is none is a 400 that names it', async (t) => {
    for (const cursor of ['x', '%00', 'null', '0', '-1', 'AAAA', `${'A'.repeat(3_000)}`]) {
      const problem = await refusal(c.url, `/v1/query/events?cursor=${cursor}`, 400);
      t.match(JSON.stringify(problem), 'cursor');
    }
  });
});

t.test('QEV-13 a read begun after a 204 sees the batch, in every view', async (t) => {
  for (let i = 1; i <= 20; i++) {
    await store(c.url, 'shop', [
      event({ user_id: 'fresh', session_id: `fresh${i}`, name: 'fresh', type: 'event' }),
    ]);
    const query = <T>(path: string) => get<T>(c.url, `/v1/query/${path}`);
    const [events, users, sessions, funnel, top] = await Promise.all([
      query<EventsAnswer>('events?user=fresh'),
      query<{ users: UserRow[] }>('users?app=shop&limit=500'),
      query<{ sessions: SessionRow[] }>('sessions?user=fresh'),
      query<{ steps: { count: number }[] }>('funnel?app=shop&steps=fresh,fresh'),
      query<AggregatesAnswer>('aggregates?app=shop&limit=100'),
    ]);
    t.equal(events.events.length, i);
    t.equal(users.users.find((row) => row.user_id === 'fresh')?.session_count, i);
    t.equal(sessions.sessions.length, i);
    t.same(
      funnel.steps.map((step) => step.count),
      [1, i > 1 ? 1 : 0],
    );
    t.equal(top.top_events.find((row) => row.name === 'fresh')?.count, i);
  }
});

t.test('QEV-13 it sees the batch while many other reads are under way, too', async (t) => {
  for (let i = 1; i <= 4; i++) {
    const others = Array.from({ length: 12 }, () => ask('app=pages&limit=500'));
    const session = `busy${i}`;
    await store(c.url, 'shop', [event({ session_id: session })]);
    const reads = Array.from({ length: 8 }, () => ask(`session=${session}`));
    for (const { events } of await Promise.all(reads)) t.equal(events.length, 1);
    await Promise.all(others);
  }
});
