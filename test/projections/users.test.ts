/** Users: one row a user and app, the sessions each has been in, and an order by when each was last seen. */
import t from 'tap';
import { MAX_TS } from '../../src/domain/limits.js';
import { type Bytes, clock, timeOf } from './decoded.js';
import { event, specsOf, times } from './given.js';

/** What an event told, and when; a user of whom nothing was told has zeros there. */
function told(value: Bytes): string {
  const [ts, id, bytes] = [value.be(6), value.be(6), value.be(2)];
  return ts + id + bytes === 0 ? 'never told' : `${value.text(bytes)}, ${clock(ts)} in ${id}`;
}

const given = specsOf({
  users: (key, value, texts) => ({
    app: texts.app(key.be(2)),
    user: texts.user(key.be(4)),
    first: clock(value.be(6)),
    last: clock(value.be(6)),
    sessions: value.be(4),
    name: told(value),
    email: told(value),
  }),
  users_order: (key, value, texts) => ({
    app: texts.app(key.be(2)),
    last: clock(MAX_TS - key.be(6)),
    id: key.text(),
    user: texts.user(value.be(4)),
  }),
  user_sessions: (key, value, texts) => ({
    app: texts.app(key.be(2)),
    user: texts.user(key.be(4)),
    session: key.text(),
    last: clock(value.be(6)),
  }),
});

/** The row that `event()` alone makes, but for what is said of it. */
const row = (over: object = {}) => ({
  ...{ app: 'shop', user: 'alice', first: '10:00', last: '10:00', sessions: 1 },
  ...{ name: 'never told', email: 'never told', ...over },
});
const place = (last: string, user = 'alice', app = 'shop') => ({ app, last, id: user, user });
const inSession = (over: object = {}) => ({
  ...{ app: 'shop', user: 'alice', session: 's1', last: '10:00', ...over },
});

/** An id as long as one can be, in characters of three bytes. */
const LONG = '€'.repeat(256);
const LONG_SESSION = '€'.repeat(128);

t.test('one event makes a user, a place in the order, and a session the user was in', async () => {
  const one = given(event({ user: 'alice', session: 's1', at: '10:00' }));
  await one.rows('users', [row()]);
  await one.rows('users_order', [place('10:00')]);
  await one.rows('user_sessions', [inSession()]);
});

t.test('a session counts once, however often and in whatever order the user was in it', async () => {
  const often = given(
    [event({ at: '10:05' }), event({ at: '10:05:01' }), event({ session: 's2', at: '10:06' })],
    event({ at: '10:01' }),
    event({ session: 's2', at: '10:09' }),
  );
  await often.rows('users', [row({ first: '10:01', last: '10:09', sessions: 2 })]);
  await often.rows('user_sessions', [
    inSession({ last: '10:05:01' }),
    inSession({ session: 's2', last: '10:09' }),
  ]);
});

t.test('a session of several users counts for each of them', async () => {
  const shared = given(event(), event({ user: 'bob', at: '10:01' }));
  await shared.rows('users', [row(), row({ user: 'bob', first: '10:01', last: '10:01' })]);
  await shared.rows('user_sessions', [inSession(), inSession({ user: 'bob', last: '10:01' })]);
});

t.test('a late event moves the beginning, and neither the end nor the order', async () => {
  const late = given(event(), event({ at: '09:00' }));
  await late.rows('users', [row({ first: '09:00' })]);
  await late.rows('users_order', [place('10:00')]);
});

t.test('the newest name and the newest email hold, each by itself', () =>
  given(
    event({ at: '10:05', person: { name: 'Alice B' } }),
    event({ at: '10:01', person: { name: 'Alice', email: 'a@shop.example' } }),
    event({ at: '10:02', person: { email: 'alice@shop.example' } }),
    event({ at: '10:09' }),
  ).rows('users', [
    row({
      ...{ first: '10:01', last: '10:09', name: 'Alice B, 10:05 in 1' },
      email: 'alice@shop.example, 10:02 in 3',
    }),
  ]),
);

t.test('of what was told at the same time, what came last holds, within a record batch too', () =>
  given(
    event({ person: { name: 'first' } }),
    [event({ person: { name: 'second' } }), event({ person: { name: 'third' } }), event({ at: '10:00:01' })],
    event({ at: '09:59', person: { name: 'earlier', email: 'e@shop.example' } }),
  ).rows('users', [
    row({
      ...{ first: '09:59', last: '10:00:01', name: 'third, 10:00 in 3' },
      email: 'e@shop.example, 09:59 in 5',
    }),
  ]),
);

t.test('apps know the same user apart', async () => {
  const two = given(
    event({ person: { name: 'Alice' } }),
    event({ app: 'wiki', at: '10:01', session: 's2', person: { email: 'a@wiki.example' } }),
  );
  const wiki = { app: 'wiki', first: '10:01', last: '10:01', email: 'a@wiki.example, 10:01 in 2' };
  await two.rows('users', [row({ name: 'Alice, 10:00 in 1' }), row(wiki)]);
  await two.rows('users_order', [place('10:00'), place('10:01', 'alice', 'wiki')]);
  await two.rows('user_sessions', [inSession(), inSession({ app: 'wiki', session: 's2', last: '10:01' })]);
});

t.test('the order has the latest first, then ids by their bytes, each user once', () =>
  given(
    ...['b', 'a', '\u{1F600}', '\uFFFD', 'z'].map((user) => event({ user })),
    event({ user: 'b', at: '10:30' }),
    event({ user: 'z', at: '11:00' }),
    event({ user: 'z', at: '10:45' }),
  ).rows('users_order', [
    place('11:00', 'z'),
    place('10:30', 'b'),
    place('10:00', 'a'),
    place('10:00', '\uFFFD'),
    place('10:00', '\u{1F600}'),
  ]),
);

t.test('texts as long as they can be', async () => {
  const long = given(event({ user: LONG, session: LONG_SESSION, person: { name: LONG, email: LONG } }));
  await long.rows('users', [row({ user: LONG, name: `${LONG}, 10:00 in 1`, email: `${LONG}, 10:00 in 1` })]);
  await long.rows('users_order', [place('10:00', LONG)]);
  await long.rows('user_sessions', [inSession({ user: LONG, session: LONG_SESSION })]);
});

t.test('an empty name is told, too', () =>
  given(event({ person: { name: 'Alice' } }), event({ at: '10:01', person: { name: '' } })).rows('users', [
    row({ last: '10:01', name: ', 10:01 in 2' }),
  ]),
);

t.test('the least and the greatest time there is', async () => {
  const both = given(event({ at: 0, person: { name: 'Alice' } }), event({ at: MAX_TS }));
  await both.rows('users', [row({ first: clock(0), last: clock(MAX_TS), name: `Alice, ${clock(0)} in 1` })]);
  await both.rows('users_order', [place(clock(MAX_TS))]);
  await both.rows('user_sessions', [inSession({ last: clock(MAX_TS) })]);
});

const MIDNIGHT = '06-15 00:00';

t.test(
  'a sweep takes users who left, and of others their sessions and what they told before midnight',
  async () => {
    const swept = given(
      event({ user: 'gone', at: '06-14 23:59:59.999', person: { name: 'Gone' } }),
      event({ person: { name: 'Alice', email: 'old@shop.example' } }),
      event({ session: 's2', at: '06-14 23:00' }),
      event({ session: 's2', at: '06-15 09:00' }),
      event({ session: 's3', at: MIDNIGHT, person: { email: 'new@shop.example' } }),
      event({ user: 'kept', at: MIDNIGHT, person: { name: 'Kept' } }),
    ).swept('06-15');
    await swept.rows('users', [
      row({
        ...{ first: MIDNIGHT, last: '06-15 09:00', sessions: 2 },
        email: `new@shop.example, ${MIDNIGHT} in 5`,
      }),
      row({ user: 'kept', first: MIDNIGHT, last: MIDNIGHT, name: `Kept, ${MIDNIGHT} in 6` }),
    ]);
    await swept.rows('users_order', [place('06-15 09:00'), place(MIDNIGHT, 'kept')]);
    await swept.rows('user_sessions', [
      inSession({ session: 's2', last: '06-15 09:00' }),
      inSession({ session: 's3', last: MIDNIGHT }),
      inSession({ user: 'kept', last: MIDNIGHT }),
    ]);
  },
);

t.test('a sweep of many turns, each of which finds the same user', async () => {
  const swept = given(
    times(200, (index) => event({ session: `s${index}`, at: timeOf('06-14 12:00') + 2 * 60_000 * index })),
    event({ session: 's7', at: '06-15 09:00' }),
  ).swept('06-15');
  await swept.rows('users', [row({ first: '06-15 09:00', last: '06-15 09:00' })]);
  await swept.rows('user_sessions', [inSession({ session: 's7', last: '06-15 09:00' })]);
});

t.test('after a sweep the beginning is that of the earliest event left, whichever batch has it', () =>
  given(
    event(),
    [event({ at: '06-15 00:00:50' }), event({ at: '06-15 00:01:10' })],
    [event({ at: '06-15 00:01:30' }), event({ at: '06-15 00:00:40' })],
    event({ at: '06-15 12:00' }),
  )
    .swept('06-15')
    .rows('users', [row({ first: '06-15 00:00:40', last: '06-15 12:00' })]),
);

t.test('a sweep that was cut off: users read as if it had come to them', () =>
  given(
    event({ user: 'gone' }),
    event({ person: { name: 'Alice' } }),
    event({ session: 's2', at: '06-15 09:00', person: { email: 'a@shop.example' } }),
    // The session goes on without alice.
    event({ user: 'bob', session: 's1', at: '06-15 08:00' }),
  )
    .fenced('06-15')
    .answers(
      async (store) => ({
        users: (await store.ask('users', { limit: 9 })).users.map(({ first_seen, last_seen, ...rest }) => ({
          ...rest,
          seen: [clock(first_seen), clock(last_seen)],
        })),
        sessions: (await store.ask('sessions', { user: 'alice', limit: 9 })).sessions.map(
          ({ session_id }) => session_id,
        ),
      }),
      {
        users: [
          {
            ...{ user_id: 'alice', app: 'shop', session_count: 1, email: 'a@shop.example' },
            seen: ['06-15 09:00', '06-15 09:00'],
          },
          { user_id: 'bob', app: 'shop', session_count: 1, seen: ['06-15 08:00', '06-15 08:00'] },
        ],
        sessions: ['s2'],
      },
    ),
);

t.test('a user who is erased is in none of the tables, and others keep their sessions', async () => {
  const erased = given(
    event({ person: { name: 'Alice' } }),
    event({ user: 'bob', at: '10:01', person: { name: 'Bob' } }),
    event({ app: 'wiki' }),
  ).erased('alice');
  await erased.rows('users', [row({ user: 'bob', first: '10:01', last: '10:01', name: 'Bob, 10:01 in 2' })]);
  await erased.rows('users_order', [place('10:01', 'bob')]);
  await erased.rows('user_sessions', [inSession({ user: 'bob', last: '10:01' })]);
});
