/** Sessions: one row a session and app, and an order by when each was last seen. */
import t from 'tap';
import { MAX_TS } from '../../src/domain/limits.js';
import { clock, timeOf } from './decoded.js';
import { event, specsOf, times } from './given.js';

const given = specsOf({
  sessions: (key, value, texts) => ({
    app: texts.app(key.be(2)),
    session: key.text(),
    first: clock(value.be(6)),
    last: clock(value.be(6)),
    newest: value.be(6),
    user: texts.user(value.be(4)),
    events: value.be(6),
    errors: value.be(6),
  }),
  sessions_order: (key, value, texts) => ({
    app: texts.app(key.be(2)),
    last: clock(MAX_TS - key.be(6)),
    session: key.text(),
    value: value.be(1),
  }),
});

/** The row that `event()` alone makes, but for what is said of it. */
const row = (over: object = {}) => ({
  ...{ app: 'shop', session: 's1', first: '10:00', last: '10:00' },
  ...{ newest: 1, user: 'alice', events: 1, errors: 0, ...over },
});
const place = (last: string, session = 's1', app = 'shop') => ({ app, last, session, value: 0 });

/** A session id as long as one can be, in characters of three bytes. */
const LONG = '€'.repeat(128);

t.test('one event makes a session and its place in the order', async () => {
  const one = given(event({ user: 'alice', session: 's1', at: '10:00' }));
  await one.rows('sessions', [row()]);
  await one.rows('sessions_order', [place('10:00')]);
});

t.test('events add up, errors among them, whether they share a record batch or not', () =>
  given(
    [event(), event({ at: '10:00:01', type: 'error' }), event({ at: '10:05', type: 'pageview' })],
    event({ at: '10:07', type: 'error' }),
    event({ at: '10:09', type: 'bug_report' }),
  ).rows('sessions', [row({ last: '10:09', newest: 5, events: 5, errors: 2 })]),
);

t.test('more events than a byte counts, and than a record batch holds', () =>
  given(times(300, (second) => event({ at: 1_000 * second, type: 'error' }))).rows('sessions', [
    row({
      ...{ first: '1970-01-01 00:00:00.000', last: '1970-01-01 00:04:59.000' },
      ...{ newest: 300, events: 300, errors: 300 },
    }),
  ]),
);

t.test('a late event moves the beginning, and neither the end, nor the user, nor the order', async () => {
  const late = given(event({ at: '10:05' }), event({ user: 'bob', at: '09:00' }));
  await late.rows('sessions', [row({ first: '09:00', last: '10:05', events: 2 })]);
  await late.rows('sessions_order', [place('10:05')]);
});

t.test('the user is that of the newest event, within a record batch too', () =>
  given(
    [event({ user: 'anonymous', at: '10:02' }), event({ user: 'anonymous', at: '10:01' })],
    [event({ user: 'alice', at: '10:03' }), event({ user: 'late', at: '10:00' })],
  ).rows('sessions', [row({ last: '10:03', newest: 3, events: 4 })]),
);

t.test('of events at the same time the one that came last is the newest', () =>
  given(event({ user: 'bob' }), event({ user: 'alice' }), event({ user: 'carol', at: '09:59' })).rows(
    'sessions',
    [row({ first: '09:59', newest: 2, events: 3 })],
  ),
);

t.test('the same id in two apps is two sessions', async () => {
  const two = given(event(), event({ app: 'wiki', user: 'bob', at: '10:01', type: 'error' }));
  await two.rows('sessions', [
    row(),
    row({ app: 'wiki', first: '10:01', last: '10:01', newest: 2, user: 'bob', errors: 1 }),
  ]);
  await two.rows('sessions_order', [place('10:00'), place('10:01', 's1', 'wiki')]);
});

t.test('the order has the latest first, then ids by their bytes, each session once', () =>
  given(
    event({ session: 'b' }),
    event({ session: 'a' }),
    event({ session: '\u{1F600}' }),
    event({ session: '\uFFFD' }),
    event({ session: 'b', at: '10:30' }),
    event({ session: 'z', at: '11:00' }),
    event({ session: 'z', at: '10:45' }),
  ).rows('sessions_order', [
    place('11:00', 'z'),
    place('10:30', 'b'),
    place('10:00', 'a'),
    place('10:00', '\uFFFD'),
    place('10:00', '\u{1F600}'),
  ]),
);

t.test('ids as long as they can be, of a byte’s difference', async () => {
  const other = `${LONG.slice(1)}₭`;
  const two = given(event({ session: LONG }), event({ session: other, at: '10:01' }));
  await two.rows('sessions', [
    row({ session: LONG }),
    row({ session: other, first: '10:01', last: '10:01', newest: 2 }),
  ]);
  await two.rows('sessions_order', [place('10:01', other), place('10:00', LONG)]);
});

t.test('the least and the greatest time there is', async () => {
  const both = given(event({ at: 0 }), event({ at: MAX_TS }));
  await both.rows('sessions', [row({ first: clock(0), last: clock(MAX_TS), newest: 2, events: 2 })]);
  await both.rows('sessions_order', [place(clock(MAX_TS))]);
});

t.test(
  'a sweep takes sessions that ended, and leaves of others what lies at midnight and after',
  async () => {
    const swept = given(
      event({ session: 'gone', at: '06-14 23:59:59.999' }),
      event({ session: 'half', at: '06-14 23:59', type: 'error' }),
      event({ session: 'half', at: '06-15 00:01', user: 'bob' }),
      event({ session: 'half', at: '06-15 00:00', type: 'error' }),
      event({ session: 'kept', at: '06-15 00:00' }),
    ).swept('06-15');
    const kept = { first: '06-15 00:00', last: '06-15 00:00' };
    const half = { ...kept, last: '06-15 00:01', newest: 3, user: 'bob', events: 2, errors: 1 };
    await swept.rows('sessions', [
      row({ session: 'half', ...half }),
      row({ session: 'kept', ...kept, newest: 5 }),
    ]);
    await swept.rows('sessions_order', [place('06-15 00:01', 'half'), place('06-15 00:00', 'kept')]);
  },
);

t.test('a sweep of many turns, each of which finds the same session', () =>
  given(
    times(200, (index) => event({ at: timeOf('06-14 12:00') + 2 * 60_000 * index, type: 'error' })),
    event({ at: '06-15 09:00' }),
  )
    .swept('06-15')
    .rows('sessions', [row({ first: '06-15 09:00', last: '06-15 09:00', newest: 201 })]),
);

t.test('a sweep that takes the newest event of a session takes all of it', () =>
  given(event({ at: '06-13 10:00' }), event({ at: '06-12 10:00', user: 'bob' }))
    .swept('06-14')
    .rows('sessions', []),
);

t.test('what comes too late for a sweep that was is not counted', () =>
  given(event())
    .swept('06-15')
    .and([event({ at: '06-14 23:59:59.999' }), event({ at: '06-15 00:00' })])
    .rows('sessions', [row({ first: '06-15 00:00', last: '06-15 00:00', newest: 2 })]),
);

t.test('a sweep that was cut off: sessions read as if it had come to them', () =>
  given(
    event({ session: 'gone' }),
    event({ session: 'half', at: '06-14 23:59', type: 'error' }),
    event({ session: 'half', at: '06-15 00:01', user: 'bob' }),
  )
    .fenced('06-15')
    .answers(
      async (store) =>
        (await store.ask('sessions', { limit: 9 })).sessions.map(
          ({ session_id, user_id, started_at, event_count, error_count }) => [
            ...[session_id, user_id, clock(started_at), event_count, error_count],
          ],
        ),
      [['half', 'bob', '06-15 00:01', 1, 0]],
    ),
);

t.test('a user who is erased leaves the session to the others in it', async () => {
  const erased = given(
    event({ user: 'bob', at: '10:01' }),
    event({ user: 'alice', at: '10:03', type: 'error' }),
    event({ user: 'alice', at: '09:00' }),
    event({ user: 'alice', session: 'own' }),
  ).erased('alice');
  await erased.rows('sessions', [row({ first: '10:01', last: '10:01', user: 'bob' })]);
  await erased.rows('sessions_order', [place('10:01')]);
});
