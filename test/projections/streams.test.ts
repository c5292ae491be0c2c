/** Streams: where the record batches of one user, session or event type lie in time. */
import t from 'tap';
import { EVENT_TYPES } from '../../src/domain/event.js';
import { MAX_TS } from '../../src/domain/limits.js';
import { type Bytes, clock, type Texts, timeOf } from './decoded.js';
import { event, specsOf, times } from './given.js';

function streamOf(key: Bytes, texts: Texts): string {
  const kind = key.be(1);
  const app = texts.app(key.be(2));
  if (kind === 1) return `${app} user ${texts.user(key.be(4))}`;
  if (kind === 2) return `${app} session ${key.text(key.be(2))}`;
  return `${app} type ${EVENT_TYPES[key.be(1)]}`;
}

const typesIn = (mask: number): string => EVENT_TYPES.filter((_, code) => (mask >> code) & 1).join(' ');

const given = specsOf({
  streams: (key, value, texts) => ({
    stream: streamOf(key, texts),
    last: clock(key.be(6)),
    offset: key.be(6),
    types: typesIn(value.be(1)),
    // How many ms after the type's last event the batch has its own.
    later: value.left === 0 ? undefined : value.be(2),
  }),
});

/** The row of the stream that the batch of `event()` alone has. */
const row = (stream: string, over: object = {}) => ({
  ...{ stream, last: '10:00', offset: 1, types: 'event', later: undefined, ...over },
});

/** A session id as long as one can be, in characters of three bytes. */
const LONG = '€'.repeat(128);

t.test('a batch lies in the streams of its user, its session and its type', () =>
  given(event({ user: 'alice', session: 's1', type: 'event', at: '10:00' })).rows('streams', [
    row('shop user alice'),
    row('shop session s1'),
    row('shop type event'),
  ]),
);

t.test('a batch lies where its last event is, in a type’s stream where the last of the type is', () =>
  given([
    event({ at: '10:00:02' }),
    event({ at: '10:00:01', type: 'error' }),
    event({ at: '10:00:00.500', type: 'error' }),
    event({ at: '10:00:30.001', type: 'bug_report' }),
  ]).rows('streams', [
    row('shop user alice', { last: '10:00:30.001', types: 'event error bug_report' }),
    row('shop session s1', { last: '10:00:30.001', types: 'event error bug_report' }),
    row('shop type event', { last: '10:00:02', types: 'event error bug_report', later: 28_001 }),
    row('shop type error', { last: '10:00:01', types: 'event error bug_report', later: 29_001 }),
    row('shop type bug_report', { last: '10:00:30.001', types: 'event error bug_report' }),
  ]),
);

t.test('every type has a stream of its own', () =>
  given(EVENT_TYPES.map((type) => event({ type }))).rows('streams', [
    ...['user alice', 'session s1', ...EVENT_TYPES.map((type) => `type ${type}`)].map((stream) =>
      row(`shop ${stream}`, { types: 'event pageview error network bug_report' }),
    ),
  ]),
);

t.test('a batch ends after a minute, at midnight, and with its 256th event', async () => {
  await given([
    event({ at: '10:00' }),
    event({ at: '10:01' }),
    event({ at: '10:01:00.001' }),
    event({ at: '06-14 23:59:59.999' }),
    event({ at: '06-15 00:00' }),
  ]).rows('streams', [
    ...['shop user alice', 'shop session s1', 'shop type event'].flatMap((stream) => [
      row(stream, { last: '10:01' }),
      row(stream, { last: '10:01:00.001', offset: 3 }),
      row(stream, { last: '23:59:59.999', offset: 4 }),
      row(stream, { last: '06-15 00:00', offset: 5 }),
    ]),
  ]);
  await given(times(257, () => event())).rows('streams', [
    ...['shop user alice', 'shop session s1', 'shop type event'].flatMap((stream) => [
      row(stream),
      row(stream, { offset: 257 }),
    ]),
  ]);
});

t.test('another user or session begins another batch, in one request too', () =>
  given([event(), event({ user: 'bob' }), event({ user: 'bob', session: 's2' })]).rows('streams', [
    row('shop user alice'),
    row('shop user bob', { offset: 2 }),
    row('shop user bob', { offset: 3 }),
    row('shop session s1'),
    row('shop session s1', { offset: 2 }),
    row('shop session s2', { offset: 3 }),
    ...[1, 2, 3].map((offset) => row('shop type event', { offset })),
  ]),
);

t.test('what comes late lies where its time is, and what comes at the same time behind what was there', () =>
  given(event({ at: '10:05' }), event({ at: '09:00' }), event({ at: '10:05' })).rows('streams', [
    ...['shop user alice', 'shop session s1', 'shop type event'].flatMap((stream) => [
      row(stream, { last: '09:00', offset: 2 }),
      row(stream, { last: '10:05', offset: 1 }),
      row(stream, { last: '10:05', offset: 3 }),
    ]),
  ]),
);

t.test('apps have streams of their own', () =>
  given(event(), event({ app: 'wiki', type: 'error' })).rows('streams', [
    row('shop user alice'),
    row('wiki user alice', { offset: 2, types: 'error' }),
    row('shop session s1'),
    row('wiki session s1', { offset: 2, types: 'error' }),
    row('shop type event'),
    row('wiki type error', { offset: 2, types: 'error' }),
  ]),
);

t.test('no session’s stream begins with another’s, and a shorter id comes first', () =>
  given(
    event({ session: 'ab' }),
    event({ session: 'b' }),
    event({ session: 'a' }),
    event({ session: LONG }),
  ).rows('streams', [
    ...[1, 2, 3, 4].map((offset) => row('shop user alice', { offset })),
    row('shop session a', { offset: 3 }),
    row('shop session b', { offset: 2 }),
    row('shop session ab'),
    row(`shop session ${LONG}`, { offset: 4 }),
    ...[1, 2, 3, 4].map((offset) => row('shop type event', { offset })),
  ]),
);

t.test('the least and the greatest time there is', () =>
  given(event({ at: MAX_TS }), event({ at: 0 })).rows('streams', [
    ...['shop user alice', 'shop session s1', 'shop type event'].flatMap((stream) => [
      row(stream, { last: clock(0), offset: 2 }),
      row(stream, { last: clock(MAX_TS), offset: 1 }),
    ]),
  ]),
);

t.test('a sweep takes the batches before midnight out of every stream', () =>
  given(
    [event({ at: '06-14 23:59:59.999', type: 'error' }), event({ at: '06-15 00:00' })],
    [event({ at: '06-14 12:00' }), event({ at: '06-14 12:00:10', type: 'error' })],
    event({ app: 'wiki', at: '06-14 12:00' }),
  )
    .swept('06-15')
    .rows('streams', [
      ...['shop user alice', 'shop session s1', 'shop type event'].map((stream) =>
        row(stream, { last: '06-15 00:00', offset: 2 }),
      ),
    ]),
);

t.test('a sweep of many turns', () =>
  given(
    times(200, (index) => event({ at: timeOf('06-14 12:00') + 2 * 60_000 * index })),
    event({ at: '06-15 09:00' }),
  )
    .swept('06-15')
    .rows('streams', [
      ...['shop user alice', 'shop session s1', 'shop type event'].map((stream) =>
        row(stream, { last: '06-15 09:00', offset: 201 }),
      ),
    ]),
);

t.test('a sweep that was cut off: listings begin at midnight, oldest and newest first', () =>
  given(
    [event({ at: '06-14 23:59:59.999' }), event({ at: '06-15 00:00' })],
    event({ at: '06-14 10:00', type: 'error' }),
    event({ at: '06-15 09:00', type: 'error' }),
  )
    .fenced('06-15')
    .answers(
      async (store) => ({
        ofUser: (await store.ask('events', { user: 'alice', limit: 9 })).events.map(({ id }) => id),
        ofType: (await store.ask('events', { type: 'error', limit: 9 })).events.map(({ id }) => id),
        ofSession: (await store.ask('events', { session: 's1', limit: 9 })).events.map(({ id }) => id),
        days: (await store.ask('activity', { user: 'alice' })).days,
      }),
      {
        ...{ ofUser: [4, 2], ofType: [4], ofSession: [4, 2] },
        days: [{ day: '2026-06-15', event_count: 2, error_count: 1, session_count: 1 }],
      },
    ),
);

t.test('a user who is erased leaves no batch in any stream', () =>
  given(event(), event({ user: 'bob' }), event({ type: 'error' }))
    .erased('alice')
    .rows('streams', [
      ...['shop user bob', 'shop session s1', 'shop type event'].map((stream) => row(stream, { offset: 2 })),
    ]),
);
