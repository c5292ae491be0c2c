/** Names: how often each name occurred a day, and postings: for each name, who did it when. */
import t from 'tap';
import { EVENT_TYPES } from '../../src/domain/event.js';
import { DAY_MS, MAX_TS, TEXT_MAX } from '../../src/domain/limits.js';
import { clock, dayOf, timeOf } from './decoded.js';
import { event, specsOf, times } from './given.js';

const BLOCK_NAMES = 512;
const BLOCK_POSTINGS = 291;

const given = specsOf({
  name_counts: (key, value, texts) => {
    const [app, type, day, block] = [
      texts.app(key.be(2)),
      EVENT_TYPES[key.be(1)],
      dayOf(key.be(3)),
      key.be(3),
    ];
    const counts = times(value.left / 6, () => {
      const name = texts.name(block * BLOCK_NAMES + value.le(2));
      return `${name}: ${value.le(4)}`;
    });
    return { app, type, day, block, counts };
  },
  postings: (key, value, texts) => {
    const [app, type, name] = [texts.app(key.be(2)), EVENT_TYPES[key.be(1)], texts.name(key.be(4))];
    const [day, block] = [key.be(3), key.be(4)];
    const length = value.left / 14;
    const [ms, users, low, high] = [4, 4, 4, 2].map((bytes) => value.column(length, bytes));
    const who = times(length, (index) => {
      const id = (low?.[index] ?? 0) + 2 ** 32 * (high?.[index] ?? 0);
      return `${id} ${texts.user(users?.[index] ?? 0)} ${clock(day * DAY_MS + (ms?.[index] ?? 0))}`;
    });
    return { app, type, name, day: dayOf(day), block, who };
  },
});

const ofDay = { app: 'shop', type: 'event' as const, day: '06-14', block: 0 };
const counted = (...counts: string[]) => ({ ...ofDay, counts });
const posted = (name: string, ...who: string[]) => ({ ...ofDay, name, who });

t.test('one event counts its name, and is a posting of it', async () => {
  const one = given(event({ user: 'alice', name: 'click', at: '10:20' }));
  await one.rows('name_counts', [counted('click: 1')]);
  await one.rows('postings', [posted('click', '1 alice 10:20')]);
});

t.test('names are counted apart, their postings in the order of ids, whenever the events were', async () => {
  const some = given(
    [event({ at: '10:05' }), event({ name: 'cart', at: '10:04:30' }), event({ at: '10:04' })],
    event({ user: 'bob', name: 'cart', at: '09:00' }),
    event({ session: 's2', at: '10:05' }),
  );
  await some.rows('name_counts', [counted('click: 3', 'cart: 2')]);
  await some.rows('postings', [
    posted('click', '1 alice 10:05', '3 alice 10:04', '5 alice 10:05'),
    posted('cart', '2 alice 10:04:30', '4 bob 09:00'),
  ]);
});

t.test('every type has names of its own, of the same text too', async () => {
  const all = given(EVENT_TYPES.map((type) => event({ type, name: 'same' })));
  await all.rows(
    'name_counts',
    EVENT_TYPES.map((type) => ({ ...counted('same: 1'), type })),
  );
  await all.rows(
    'postings',
    EVENT_TYPES.map((type, index) => ({ ...posted('same', `${index + 1} alice 10:00`), type })),
  );
});

t.test('midnight is the first moment of a day, within a request too', async () => {
  const both = given([event({ at: '06-14 23:59:59.999' }), event({ at: '06-15 00:00' })]);
  await both.rows('name_counts', [counted('click: 1'), { ...counted('click: 1'), day: '06-15' }]);
  await both.rows('postings', [
    posted('click', '1 alice 23:59:59.999'),
    { ...posted('click', '2 alice 06-15 00:00'), day: '06-15' },
  ]);
});

t.test('a name’s days lie together, whatever other names there are', () =>
  given(
    event({ name: 'a' }),
    event({ name: 'b' }),
    event({ name: 'a', at: '06-15 10:00' }),
    event({ name: 'a', at: '06-13 10:00' }),
  ).rows('postings', [
    { ...posted('a', '4 alice 06-13 10:00'), day: '06-13' },
    posted('a', '1 alice 10:00'),
    { ...posted('a', '3 alice 06-15 10:00'), day: '06-15' },
    posted('b', '2 alice 10:00'),
  ]),
);

t.test('apps are counted apart', async () => {
  const apart = given(event(), event({ app: 'wiki' }), event({ app: 'wiki', user: 'bob' }));
  await apart.rows('name_counts', [counted('click: 1'), { ...counted('click: 2'), app: 'wiki' }]);
  await apart.rows('postings', [
    posted('click', '1 alice 10:00'),
    { ...posted('click', '2 alice 10:00', '3 bob 10:00'), app: 'wiki' },
  ]);
});

t.test(
  'the 512th name begins another block of counts; a late one of the first block is counted there',
  async () => {
    const all = times(BLOCK_NAMES + 2, (index) => `name-${index + 1}`);
    const many = given(
      all.map((name) => event({ name })),
      event({ name: 'name-512', at: '06-15 10:00' }),
      event({ name: 'name-7', at: '10:01' }),
    );
    const once = all.map((name) => `${name}: 1`);
    await many.rows('name_counts', [
      // No name has the number 0.
      counted(...once.slice(0, BLOCK_NAMES - 1).with(6, 'name-7: 2')),
      { ...counted(...once.slice(BLOCK_NAMES - 1)), block: 1 },
      { ...counted('name-512: 1'), day: '06-15', block: 1 },
    ]);
  },
);

/** The rows of a name's postings, in blocks, alice's all. */
const blocksOf = (name: string, all: readonly { id: number; ts: number }[]) =>
  times(Math.ceil(all.length / BLOCK_POSTINGS), (block) => ({
    ...posted(name),
    block,
    who: all
      .slice(block * BLOCK_POSTINGS, (block + 1) * BLOCK_POSTINGS)
      .map(({ id, ts }) => `${id} alice ${clock(ts)}`),
  }));

t.test('the 292nd posting of a name’s day begins another block; a count takes more than a byte', async () => {
  const events = times(2 * BLOCK_POSTINGS + 1, (index) => event({ at: timeOf('10:00') + 100 * index }));
  const many = given(
    events.slice(0, 100),
    events.slice(100, BLOCK_POSTINGS),
    events.slice(BLOCK_POSTINGS),
    event({ at: '06-15 10:00' }),
  );
  await many.rows('name_counts', [counted('click: 583'), { ...counted('click: 1'), day: '06-15' }]);
  await many.rows('postings', [
    ...blocksOf(
      'click',
      events.map(({ ts }, index) => ({ id: index + 1, ts })),
    ),
    { ...posted('click', '584 alice 06-15 10:00'), day: '06-15' },
  ]);
});

t.test('thousands of events at once', async () => {
  const names = ['a', 'b', 'c'];
  const events = times(3_000, (index) =>
    event({ name: names[index % 3] ?? '', at: timeOf('10:00') + 10 * index }),
  );
  const many = given(events);
  await many.rows('name_counts', [counted('a: 1000', 'b: 1000', 'c: 1000')]);
  const all = events.map(({ name, ts }, index) => ({ name, ts, id: index + 1 }));
  await many.rows(
    'postings',
    names.flatMap((of) =>
      blocksOf(
        of,
        all.filter(({ name }) => name === of),
      ),
    ),
  );
});

t.test('ids of more than four bytes, as an import brings them', () => {
  const id = 2 ** 47 + 2 ** 32 - 1;
  return given(event({ id }), event({ at: '10:01' })).rows('postings', [
    posted('click', `${id} alice 10:00`, `${id + 1} alice 10:01`),
  ]);
});

t.test('names as long as they can be, of a byte’s difference', () => {
  const [one, other] = ['€'.repeat(TEXT_MAX), `${'€'.repeat(TEXT_MAX - 1)}₭`];
  return given(event({ name: one }), event({ name: other }), event({ name: one })).rows('name_counts', [
    counted(`${one}: 2`, `${other}: 1`),
  ]);
});

t.test('the first and the last day there is', () =>
  given(event({ at: 0 }), event({ at: MAX_TS })).rows('postings', [
    { ...posted('click', `1 alice ${clock(0)}`), day: '01-01' },
    { ...posted('click', `2 alice ${clock(MAX_TS)}`), day: dayOf(Math.floor(MAX_TS / DAY_MS)) },
  ]),
);

t.test('a sweep takes days whole, counts and every block of postings, of every app and type', async () => {
  const swept = given(
    times(BLOCK_POSTINGS + 1, () => event({ at: '06-14 10:00' })),
    [event({ at: '06-13 10:00', name: 'cart' }), event({ at: '06-15 00:00' })],
    event({ app: 'wiki', type: 'pageview', at: '06-14 23:59:59.999' }),
  ).swept('06-15');
  await swept.rows('name_counts', [{ ...counted('click: 1'), day: '06-15' }]);
  await swept.rows('postings', [{ ...posted('click', '294 alice 06-15 00:00'), day: '06-15' }]);
});

t.test('a sweep of more postings than one turn takes', async () => {
  const swept = given(
    ...times(3, (day) =>
      times(BLOCK_NAMES, (index) => event({ name: `name-${index}`, at: `06-1${day + 2} 10:00` })),
    ),
    event({ at: '06-15 09:00' }),
  ).swept('06-15');
  await swept.rows('name_counts', [{ ...counted('click: 1'), day: '06-15', block: 1 }]);
  await swept.rows('postings', [
    { ...posted('click', `${3 * BLOCK_NAMES + 1} alice 06-15 09:00`), day: '06-15' },
  ]);
});

t.test('a sweep that was cut off: names and funnels are of what lies after it', () =>
  given(
    [event({ name: 'view', at: '06-14 23:59:59' }), event({ name: 'cart', at: '06-15 00:00' })],
    [
      event({ user: 'bob', name: 'view', at: '06-15 09:00' }),
      event({ user: 'bob', name: 'cart', at: '06-15 09:00:01' }),
    ],
  )
    .fenced('06-15')
    .answers(
      async (store) => ({
        names: (await store.ask('names', { limit: 9 })).names,
        funnel: (await store.ask('funnel', { steps: ['view', 'cart'] })).steps,
      }),
      {
        names: [
          { name: 'cart', count: 2 },
          { name: 'view', count: 1 },
        ],
        funnel: [
          { name: 'view', count: 1 },
          { name: 'cart', count: 1 },
        ],
      },
    ),
);

t.test(
  'the events of a user who is erased are not counted any more, and names only they had are gone',
  async () => {
    const erased = given(event(), event({ user: 'bob' }), event({ name: 'hers' }), event()).erased('alice');
    await erased.rows('name_counts', [counted('click: 1')]);
    await erased.rows('postings', [posted('click', '2 bob 10:00')]);
  },
);
