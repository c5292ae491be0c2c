/** `GET /v1/query/funnel` from outside. */
import t from 'tap';
import { startCollector } from '../support/collector.js';
import { apps, DAY, event, get, MINUTE, NOON, refusal, store } from '../support/http.js';
import type { NameCount } from '../support/rows.js';

const c = await startCollector({
  apps: apps('shape', 'order', 'names', 'repeat', 'types', 'one', 'two', 'bounds', 'ties', 'greedy'),
});
t.teardown(() => c.close());

const funnel = async (query: string) =>
  (await get<{ steps: NameCount[] }>(c.url, `/v1/query/funnel?${query}`)).steps;
const counts = async (query: string) => (await funnel(query)).map((step) => step.count);

/** The events of one user, one a minute, by their names. */
const walk = (user_id: string, names: string, over: object = {}) =>
  names.split(' ').map((name, i) => event({ user_id, name, ts: NOON + i * MINUTE, ...over }));

t.test('FUN-10 FUN-01 the example of the reference', async (t) => {
  const people = Array.from({ length: 30 }, (_, i) =>
    walk(`u${i}`, ['view', 'view cart', 'view cart checkout'][(i < 18 ? 0 : 1) + (i < 25 ? 0 : 1)] ?? ''),
  );
  await store(c.url, 'shape', people.flat());
  t.same(await get(c.url, '/v1/query/funnel?app=shape&steps=view,cart,checkout'), {
    steps: [
      { name: 'view', count: 30 },
      { name: 'cart', count: 12 },
      { name: 'checkout', count: 5 },
    ],
  });
});

t.test('FUN-06 FUN-01 only the very next step advances, and nothing sets back', async (t) => {
  const paths: [string, number][] = [
    ['a b c', 3],
    ['a a b b c', 3],
    ['a x b y c', 3],
    ['a c b', 2],
    ['b a c', 1],
    ['c b a', 1],
    ['b c', 0],
    ['c b a b a c', 3],
    ['a c b a', 2],
    ['b a b', 2],
  ];
  for (const [at, [names]] of paths.entries()) await store(c.url, 'greedy', walk(`u${at}`, names));
  const reached = (step: number) => paths.filter(([, reach]) => reach >= step).length;
  t.same(await counts('app=greedy&steps=a,b,c'), [reached(1), reached(2), reached(3)]);
  for (const [at, [names, reach]] of paths.entries()) {
    await store(c.url, 'order', walk(`u${at}`, names));
    const before = paths.slice(0, at + 1);
    const expected = [1, 2, 3].map((step) => before.filter(([, other]) => other >= step).length);
    t.same(await counts('app=order&steps=a,b,c'), expected, `${names} reaches ${reach}`);
  }
});

t.test(
  'FUN-05 events are walked by time, and by id within a moment, whatever the order of arrival',
  async (t) => {
    const at = (user_id: string, name: string, ts: number, session_id = 's') =>
      store(c.url, 'ties', [event({ user_id, name, ts: NOON + ts, session_id })]);
    await at('late', 'b', 10);
    await at('late', 'a', 5);
    t.same(await counts('app=ties&steps=a,b'), [1, 1]);
    await at('tie', 'a', 7);
    await at('tie', 'b', 7, 's2');
    t.same(await counts('app=ties&steps=a,b'), [2, 2], 'the later id of one moment comes after');
    await at('backwards', 'b', 7);
    await at('backwards', 'a', 7, 's2');
    t.same(await counts('app=ties&steps=a,b'), [3, 2], 'the earlier id of one moment does not');
    await store(c.url, 'ties', [
      event({ user_id: 'body', name: 'b', ts: NOON + 3 * DAY }),
      event({ user_id: 'body', name: 'a', ts: NOON - 3 * DAY }),
    ]);
    t.same(await counts('app=ties&steps=a,b'), [4, 3], 'nor does the order in a body count');
  },
);

t.test('FUN-04 a name may repeat, an event for each', async (t) => {
  await store(c.url, 'repeat', [...walk('once', 'a'), ...walk('twice', 'a a'), ...walk('mixed', 'a b a b')]);
  t.same(await counts('app=repeat&steps=a,a'), [3, 2]);
  t.same(await counts('app=repeat&steps=a,a,a'), [3, 2, 0]);
  t.same(await counts('app=repeat&steps=a,b,a,b'), [3, 1, 1, 1]);
  t.same(
    (await funnel('app=repeat&steps=a,a')).map((step) => step.name),
    ['a', 'a'],
  );
});

t.test('FUN-02 FUN-03 2 to 20 steps, trimmed, blanks dropped', async (t) => {
  for (const steps of ['', '?steps=', '?steps=a', '?steps=a,', '?steps=,,%20,a,', '?steps=%20']) {
    t.match(JSON.stringify(await refusal(c.url, `/v1/query/funnel${steps}`, 400)), 'steps');
  }
  const many = (count: number) => Array.from({ length: count }, (_, i) => `s${i}`).join(',');
  t.equal((await funnel(`steps=${many(20)}`)).length, 20);
  t.equal((await funnel(`steps=,${many(20)},%20,`)).length, 20, 'blanks do not count');
  t.match(JSON.stringify(await refusal(c.url, `/v1/query/funnel?steps=${many(21)}`, 400)), 'steps');

  await store(c.url, 'names', [
    ...walk('u', 'a b'),
    event({ user_id: 'v', name: 'c d', ts: NOON }),
    event({ user_id: 'v', name: 'é', ts: NOON + 1 }),
  ]);
  t.same(await funnel('app=names&steps=%20a%20,,%20%09b%0a,'), [
    { name: 'a', count: 1 },
    { name: 'b', count: 1 },
  ]);
  t.same(await funnel('app=names&steps=c+d,%C3%A9'), [
    { name: 'c d', count: 1 },
    { name: 'é', count: 1 },
  ]);
  t.same(await counts('app=names&steps=A,B'), [0, 0], 'case counts');
});

t.test('FUN-07 any event type counts', async (t) => {
  const types = ['event', 'pageview', 'error', 'network', 'bug_report'];
  await store(
    c.url,
    'types',
    types.map((type, i) => event({ name: `t${i}`, type, ts: NOON + i })),
  );
  t.same(await counts('app=types&steps=t0,t1,t2,t3,t4'), [1, 1, 1, 1, 1]);
});

t.test('FUN-08 FUN-09 users are the same across apps when no app is given', async (t) => {
  await store(c.url, 'one', [event({ user_id: 'traveller', name: 'step1', ts: NOON })]);
  await store(c.url, 'two', [event({ user_id: 'traveller', name: 'step2', ts: NOON + 1 })]);
  await store(c.url, 'two', [event({ user_id: 'traveller', name: 'step1', ts: NOON + 2 })]);
  t.same(await counts('steps=step1,step2'), [1, 1]);
  t.same(await counts('app=one&steps=step1,step2'), [1, 0]);
  t.same(await counts('app=two&steps=step1,step2'), [1, 0]);
});

t.test('FUN-09 bounds are inclusive, and cut both ends', async (t) => {
  await store(c.url, 'bounds', [
    event({ user_id: 'u', name: 'a', ts: NOON }),
    event({ user_id: 'u', name: 'b', ts: NOON + DAY }),
    event({ user_id: 'u', name: 'a', ts: NOON + 2 * DAY }),
    event({ user_id: 'u', name: 'b', ts: NOON + 3 * DAY }),
  ]);
  const within = (from: number, to: number) => counts(`app=bounds&steps=a,b&from=${from}&to=${to}`);
  t.same(await within(NOON, NOON + DAY), [1, 1]);
  t.same(await within(NOON + 1, NOON + DAY), [0, 0]);
  t.same(await within(NOON + 1, NOON + 2 * DAY), [1, 0]);
  t.same(await within(NOON, NOON + DAY - 1), [1, 0]);
  t.same(await within(NOON + 1, NOON + 3 * DAY), [1, 1]);
  t.same(await within(NOON + 2 * DAY, NOON + 3 * DAY), [1, 1]);
  t.same(await counts(`app=bounds&steps=a,b&from=${NOON + 2 * DAY + 1}`), [0, 0]);
  t.same(await counts(`app=bounds&steps=a,b&to=${NOON}`), [1, 0]);
});
