/** Hours of users: who was active in which UTC hour and when in it, as runs of activity. */
import assert from 'node:assert/strict';
import t from 'tap';
import { HOUR_MS } from '../../src/domain/limits.js';
import { clock, timeOf } from './decoded.js';
import { event, specsOf, times } from './given.js';

const BLOCK_RUNS = 336;

const given = specsOf({
  hour_users: (key, value, texts) => {
    const [app, hour, block] = [texts.app(key.be(2)), key.be(4) * HOUR_MS, key.be(4)];
    const length = value.left / 12;
    assert.ok(length > 0, 'a block has runs');
    const [users, firsts, lasts] = times(3, () => value.column(length, 4));
    // A run as `alice 10:00 to 10:05`.
    const runs = times(length, (run) => {
      const [first = 0, last = 0] = [firsts?.[run], lasts?.[run]];
      return `${texts.user(users?.[run] ?? 0)} ${clock(hour + first)} to ${clock(hour + last)}`;
    });
    return { app, hour: clock(hour), block, runs };
  },
});

const hour = (hour: string, ...runs: string[]) => ({ app: 'shop', hour, block: 0, runs });

t.test('one event is a run of its own', () =>
  given(event({ user: 'alice', at: '10:20' })).rows('hour_users', [hour('10:00', 'alice 10:20 to 10:20')]),
);

t.test('the events of a record batch are one run, in whatever order they came', () =>
  given([event({ at: '10:20:30' }), event({ at: '10:20' }), event({ at: '10:20:10' })]).rows('hour_users', [
    hour('10:00', 'alice 10:20 to 10:20:30'),
  ]),
);

t.test('a batch widens its user’s latest run to a quarter of an hour, either way, and not by a ms more', () =>
  given(
    event({ at: '10:10' }),
    event({ user: 'bob', at: '10:10' }),
    event({ at: '10:25' }),
    event({ user: 'bob', at: '10:00' }),
    event({ user: 'bob', at: '10:15' }),
    event({ at: '10:25:00.001' }),
    event({ user: 'bob', at: '10:15:00.001' }),
  ).rows('hour_users', [
    hour(
      '10:00',
      'alice 10:10 to 10:25',
      'bob 10:00 to 10:15',
      'alice 10:25:00.001 to 10:25:00.001',
      'bob 10:15:00.001 to 10:15:00.001',
    ),
  ]),
);

t.test('only the latest run grows, and what comes late is a run behind it', () =>
  given(event({ at: '10:00' }), event({ at: '10:40' }), event({ at: '10:01' }), event({ at: '10:41' })).rows(
    'hour_users',
    [
      hour(
        '10:00',
        'alice 10:00 to 10:00',
        'alice 10:40 to 10:40',
        'alice 10:01 to 10:01',
        'alice 10:41 to 10:41',
      ),
    ],
  ),
);

t.test('an hour ends within a batch: each hour gets its own first and last event', () =>
  given([
    event({ at: '10:59:50' }),
    event({ at: '11:00' }),
    event({ at: '10:59:59.999' }),
    event({ at: '11:00:09' }),
    event({ at: '10:59:55' }),
    event({ at: '11:00:01' }),
  ]).rows('hour_users', [
    hour('10:00', 'alice 10:59:50 to 10:59:59.999'),
    hour('11:00', 'alice 11:00 to 11:00:09'),
  ]),
);

t.test('a batch that ends with the hour’s first moment, and one that begins with it', () =>
  given(
    [event({ at: '10:59:59.999' }), event({ at: '11:00' })],
    [event({ user: 'bob', at: '11:00' }), event({ user: 'bob', at: '11:00:01' })],
  ).rows('hour_users', [
    hour('10:00', 'alice 10:59:59.999 to 10:59:59.999'),
    hour('11:00', 'alice 11:00 to 11:00', 'bob 11:00 to 11:00:01'),
  ]),
);

t.test('apps have hours of their own, and a user’s sessions share their runs', () =>
  given(event(), event({ session: 's2', at: '10:05' }), event({ app: 'wiki', at: '10:01' })).rows(
    'hour_users',
    [
      hour('10:00', 'alice 10:00 to 10:05'),
      { app: 'wiki', hour: '10:00', block: 0, runs: ['alice 10:01 to 10:01'] },
    ],
  ),
);

t.test('the 337th run begins another block; runs of blocks before it grow no more', () => {
  const everybody = times(BLOCK_RUNS, (index) => `user-${index}`);
  const run = (user: string) => `${user} 10:00 to 10:00`;
  const requests = everybody.map((user) => event({ user }));
  return given(
    ...requests.slice(0, 100),
    requests.slice(100),
    // The block is full and the last one: a run of it grows.
    event({ user: 'user-7', at: '10:01' }),
    event({ user: 'one-more' }),
    event({ user: 'user-8', at: '10:02' }),
    event({ user: 'one-more', at: '10:03' }),
  ).rows('hour_users', [
    hour('10:00', ...everybody.map(run).with(7, 'user-7 10:00 to 10:01')),
    { ...hour('10:00', 'one-more 10:00 to 10:03', 'user-8 10:02 to 10:02'), block: 1 },
  ]);
});

t.test('blocks that are filled at once, and gone on from', () => {
  const runs = times(3 * BLOCK_RUNS + 1, (index) => `user-${index}`);
  const run = (user: string) => `${user} 10:00 to 10:00`;
  return given(
    runs.slice(0, 2 * BLOCK_RUNS).map((user) => event({ user })),
    runs.slice(2 * BLOCK_RUNS).map((user) => event({ user })),
  ).rows('hour_users', [
    ...times(4, (block) => ({
      ...hour('10:00', ...runs.slice(block * BLOCK_RUNS, (block + 1) * BLOCK_RUNS).map(run)),
      block,
    })),
  ]);
});

t.test('a sweep takes the hours before midnight, of every app', () =>
  given(
    [event({ at: '06-14 23:59:59.999' }), event({ at: '06-15 00:00' })],
    event({ app: 'wiki', at: '06-13 10:00' }),
    event({ app: 'wiki', at: '06-15 10:00' }),
  )
    .swept('06-15')
    .rows('hour_users', [
      hour('06-15 00:00', 'alice 06-15 00:00 to 06-15 00:00'),
      { app: 'wiki', hour: '06-15 10:00', block: 0, runs: ['alice 06-15 10:00 to 06-15 10:00'] },
    ]),
);

t.test('a sweep of more hours than one turn takes', () =>
  given(
    times(22 * 24, (index) => event({ at: timeOf('06-15 00:00') - (index + 1) * HOUR_MS })),
    event({ at: '06-15 09:00' }),
  )
    .swept('06-15')
    .rows('hour_users', [hour('06-15 09:00', 'alice 06-15 09:00 to 06-15 09:00')]),
);

t.test('a run that begins before a range and ends after it counts where an event lies inside', () => {
  const some = given(
    event({ at: '10:00' }),
    event({ user: 'bob', at: '10:00' }),
    event({ at: '10:05' }),
    event({ at: '10:10' }),
    event({ user: 'bob', at: '10:10' }),
  );
  const range = { from: timeOf('10:04'), to: timeOf('10:06') };
  return some.answers(
    async (store) => (await store.ask('aggregates', { ...range, limit: 9 })).dau,
    [{ day: '2026-06-14', count: 1 }],
  );
});

t.test('a sweep that was cut off: hours before it have no users', () =>
  given(event({ at: '06-14 23:50' }), event({ user: 'bob', at: '06-15 00:10' }))
    .fenced('06-15')
    .answers(
      async (store) => (await store.ask('aggregates', { from: timeOf('06-14 23:40'), limit: 9 })).dau,
      [{ day: '2026-06-15', count: 1 }],
    ),
);

t.test('a user who is erased leaves no run, and the others move up', () =>
  given(event(), event({ user: 'bob' }), event({ at: '11:00' }), event({ at: '10:30' }))
    .erased('alice')
    .rows('hour_users', [hour('10:00', 'bob 10:00 to 10:00')]),
);
