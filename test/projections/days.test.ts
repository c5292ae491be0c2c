/** Days: how many users were active on each UTC day, and which, so that nobody is counted twice. */
import assert from 'node:assert/strict';
import t from 'tap';
import { MAX_TS } from '../../src/domain/limits.js';
import { type Bytes, dayOf, type Texts } from './decoded.js';
import { event, specsOf, times } from './given.js';

const BLOCK_USERS = 2_048;

/** The users of a bitmap that begins with a user number; it has no zero bytes at its end. */
function usersIn(bits: Bytes, first: number, texts: Texts): string[] {
  const bytes = bits.column(bits.left, 1);
  assert.notEqual(bytes.at(-1), 0, 'a bitmap ends with its last user');
  return bytes.flatMap((byte, index) =>
    times(8, (bit) => bit)
      .filter((bit) => (byte >> bit) & 1)
      .map((bit) => texts.user(first + 8 * index + bit)),
  );
}

const given = specsOf({
  days: (key, value, texts) => {
    const [app, day, block] = [texts.app(key.be(2)), dayOf(key.be(3)), key.be(3)];
    return { app, day, block, users: usersIn(value, block * BLOCK_USERS, texts) };
  },
  day_users: (key, value, texts) => {
    const [day, block] = [dayOf(key.be(3)), key.be(3)];
    return { day, block, users: usersIn(value, block * BLOCK_USERS, texts) };
  },
  day_counts: (key, value, texts) => {
    const app = key.be(2);
    return { app: app === 0 ? 'all' : texts.app(app), day: dayOf(key.be(3)), users: value.le(4) };
  },
});

const ofShop = (day: string, ...users: string[]) => ({ app: 'shop', day, block: 0, users });
const ofAll = (day: string, ...users: string[]) => ({ day, block: 0, users });
const count = (app: string, day: string, users: number) => ({ app, day, users });

t.test('one event makes a user of the day, of its app and of all apps together', async () => {
  const one = given(event({ user: 'alice', at: '06-14 10:00' }));
  await one.rows('days', [ofShop('06-14', 'alice')]);
  await one.rows('day_users', [ofAll('06-14', 'alice')]);
  await one.rows('day_counts', [count('all', '06-14', 1), count('shop', '06-14', 1)]);
});

t.test('a user counts once a day, whatever the type, the session and the order of arrival', async () => {
  const often = given(
    [event({ at: '10:05' }), event({ at: '10:05:30', type: 'error' }), event({ at: '23:00' })],
    event({ user: 'bob', at: '11:00' }),
    event({ session: 's2', at: '09:00', type: 'network' }),
  );
  await often.rows('days', [ofShop('06-14', 'alice', 'bob')]);
  await often.rows('day_counts', [count('all', '06-14', 2), count('shop', '06-14', 2)]);
});

t.test('midnight is the first moment of a day, within a request too', async () => {
  const both = given([event({ at: '06-14 23:59:59.999' }), event({ at: '06-15 00:00' })]);
  await both.rows('days', [ofShop('06-14', 'alice'), ofShop('06-15', 'alice')]);
  await both.rows('day_users', [ofAll('06-14', 'alice'), ofAll('06-15', 'alice')]);
  await both.rows('day_counts', [
    ...[count('all', '06-14', 1), count('all', '06-15', 1)],
    ...[count('shop', '06-14', 1), count('shop', '06-15', 1)],
  ]);
});

t.test('a user of several apps counts in each of them, and once in all', async () => {
  const apart = given(event({ user: 'bob' }), event({ app: 'wiki' }), event({ app: 'wiki', user: 'bob' }));
  await apart.rows('days', [
    ofShop('06-14', 'bob'),
    { app: 'wiki', day: '06-14', block: 0, users: ['bob', 'alice'] },
  ]);
  await apart.rows('day_users', [ofAll('06-14', 'bob', 'alice')]);
  await apart.rows('day_counts', [
    count('all', '06-14', 2),
    count('shop', '06-14', 1),
    count('wiki', '06-14', 2),
  ]);
});

t.test('the 2,048th user begins another block; a late user of the first one is found there', async () => {
  const everybody = times(BLOCK_USERS + 2, (index) => `user-${index + 1}`);
  const many = given(
    everybody.map((user) => event({ user, at: '06-14 10:00' })),
    event({ user: 'user-2048', at: '06-15 10:00' }),
    event({ user: 'user-7', at: '06-15 09:00' }),
  );
  const blocks = (day: string, ...of: string[][]) => of.map((users, block) => ({ day, block, users }));
  const all = [
    // No user has the number 0.
    ...blocks('06-14', everybody.slice(0, BLOCK_USERS - 1), everybody.slice(BLOCK_USERS - 1)),
    ...blocks('06-15', ['user-7'], ['user-2048']),
  ];
  await many.rows('day_users', all);
  await many.rows(
    'days',
    all.map((row) => ({ app: 'shop', ...row })),
  );
  await many.rows('day_counts', [
    ...[count('all', '06-14', 2_050), count('all', '06-15', 2)],
    ...[count('shop', '06-14', 2_050), count('shop', '06-15', 2)],
  ]);
});

t.test('the first and the last day there is', () =>
  given(event({ at: 0 }), event({ at: MAX_TS })).rows('day_users', [
    ofAll('01-01', 'alice'),
    ofAll(dayOf(Math.floor(MAX_TS / 86_400_000)), 'alice'),
  ]),
);

t.test('a sweep takes days whole, of every app and of all together', async () => {
  const swept = given(
    [event({ at: '06-13 10:00' }), event({ at: '06-14 23:59:59.999' }), event({ at: '06-15 00:00' })],
    event({ app: 'wiki', user: 'bob', at: '06-12 10:00' }),
  ).swept('06-15');
  await swept.rows('days', [ofShop('06-15', 'alice')]);
  await swept.rows('day_users', [ofAll('06-15', 'alice')]);
  await swept.rows('day_counts', [count('all', '06-15', 1), count('shop', '06-15', 1)]);
});

t.test('a sweep that was cut off: days before it have no users', () =>
  given(event({ at: '06-14 10:00' }), event({ at: '06-15 00:00' }), event({ user: 'bob', at: '06-15 10:00' }))
    .fenced('06-15')
    .answers(
      async (store) => (await store.ask('aggregates', { limit: 9 })).dau,
      [{ day: '2026-06-15', count: 2 }],
    ),
);

t.test('a user who is erased is not counted any more', async () => {
  const erased = given(
    event(),
    event({ user: 'bob' }),
    event({ app: 'wiki' }),
    event({ at: '06-15 10:00' }),
  ).erased('alice');
  await erased.rows('days', [ofShop('06-14', 'bob')]);
  await erased.rows('day_users', [ofAll('06-14', 'bob')]);
  await erased.rows('day_counts', [count('all', '06-14', 1), count('shop', '06-14', 1)]);
});
