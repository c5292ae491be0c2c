/**
 * Hours of names: how often a name of a type occurred in each hour, and when in each quarter of it. Then the top names of ranges
 * that cut an hour with more events than a block holds, against a count over all events.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { EVENT_TYPES, type EventType, type NewEvent } from '../../src/domain/event.js';
import { DAY_MS, MAX_TS, TEXT_MAX } from '../../src/domain/limits.js';
import { openEnv } from '../../src/log/file/env.js';
import { verifyStore } from '../../src/store/offline/verify.js';
import { openLmdbStore } from '../../src/store/open-in-process.js';
import { clock, timeOf } from './decoded.js';
import { event, specsOf, times } from './given.js';

const QUARTER_MS = 900_000;
const BLOCK_EVENTS = 900;
const BLOCK_NAMES = 512;

const given = specsOf({
  hour_counts: (key, value, texts) => {
    const [app, type] = [texts.app(key.be(2)), EVENT_TYPES[key.be(1)]];
    const [hour, block] = [clock(key.be(4) * HOUR_MS), key.be(3)];
    const counts = times(value.left / 6, () => {
      const name = texts.name(block * BLOCK_NAMES + value.le(2));
      return `${name}: ${value.le(4)}`;
    });
    return { app, type, hour, block, counts };
  },
  hour_times: (key, value, texts) => {
    const start = key.be(4) * QUARTER_MS;
    const [app, type, block] = [texts.app(key.be(2)), EVENT_TYPES[key.be(1)], key.be(4)];
    const at = () => clock(start + value.le(3));
    const [least, greatest] = [at(), at()];
    const names = times(value.le(2), () => ({ name: texts.name(value.le(4)), events: value.le(2) }));
    // A name's times in turn, as `click 10:01 10:00`.
    const rows = names.map(({ name, events }) => [name, ...times(events, at)].join(' '));
    return { quarter: clock(start), app, type, block, bounds: `${least} to ${greatest}`, rows };
  },
});

const counted = (hour: string, ...counts: string[]) => ({
  ...{ app: 'shop', type: 'event' as EventType, hour, block: 0, counts },
});
const quarter = (quarter: string, bounds: string, ...rows: string[]) => ({
  ...{ quarter, app: 'shop', type: 'event' as EventType, block: 0, bounds, rows },
});

t.test('one event counts its name in the hour, and leaves its time in the quarter', async () => {
  const one = given(event({ name: 'click', at: '10:20' }));
  await one.rows('hour_counts', [counted('10:00', 'click: 1')]);
  await one.rows('hour_times', [quarter('10:15', '10:20 to 10:20', 'click 10:20')]);
});

t.test('events and pageviews are kept, each for itself, and no other type', async () => {
  const all = given(EVENT_TYPES.map((type) => event({ type, name: 'same' })));
  const kept = ['event', 'pageview'] as const;
  await all.rows(
    'hour_counts',
    kept.map((type) => ({ ...counted('10:00', 'same: 1'), type })),
  );
  await all.rows(
    'hour_times',
    kept.map((type) => ({ ...quarter('10:00', '10:00 to 10:00', 'same 10:00'), type })),
  );
});

t.test('names lie in the order they first came, their times in the order of arrival', async () => {
  const some = given(
    [
      event({ name: 'b', at: '10:05' }),
      event({ name: 'a', at: '10:04:30' }),
      event({ name: 'b', at: '10:04:10' }),
    ],
    event({ name: 'c', at: '10:01' }),
    [event({ name: 'a', at: '10:09' }), event({ name: 'a', at: '10:08:59' })],
    event({ name: 'b', at: '10:05' }),
  );
  await some.rows('hour_counts', [counted('10:00', 'b: 3', 'a: 3', 'c: 1')]);
  await some.rows('hour_times', [
    quarter('10:00', '10:01 to 10:09', 'b 10:05 10:04:10 10:05', 'a 10:04:30 10:09 10:08:59', 'c 10:01'),
  ]);
});

t.test('a quarter, an hour and a day end within a batch, and events go back and forth', async () => {
  const cut = (before: string, end: string) => [
    event({ at: `${before}:59.999` }),
    event({ at: end }),
    event({ at: `${before}:30` }),
    event({ at: end, name: 'cart' }),
  ];
  const over = given(cut('10:14', '10:15'), cut('10:59', '11:00'), [
    ...cut('06-14 23:59', '06-15 00:00').slice(0, 2),
  ]);
  await over.rows('hour_counts', [
    counted('10:00', 'click: 5', 'cart: 1'),
    counted('11:00', 'click: 1', 'cart: 1'),
    counted('23:00', 'click: 1'),
    counted('06-15 00:00', 'click: 1'),
  ]);
  await over.rows('hour_times', [
    quarter('10:00', '10:14:30 to 10:14:59.999', 'click 10:14:59.999 10:14:30'),
    quarter('10:15', '10:15 to 10:15', 'click 10:15', 'cart 10:15'),
    quarter('10:45', '10:59:30 to 10:59:59.999', 'click 10:59:59.999 10:59:30'),
    quarter('11:00', '11:00 to 11:00', 'click 11:00', 'cart 11:00'),
    quarter('23:45', '23:59:59.999 to 23:59:59.999', 'click 23:59:59.999'),
    quarter('06-15 00:00', '06-15 00:00 to 06-15 00:00', 'click 06-15 00:00'),
  ]);
});

t.test('what comes late is counted in its hour, behind what was there', async () => {
  const late = given(event({ at: '10:05' }), event({ at: '11:00' }), event({ at: '10:02', name: 'cart' }));
  await late.rows('hour_counts', [counted('10:00', 'click: 1', 'cart: 1'), counted('11:00', 'click: 1')]);
  await late.rows('hour_times', [
    quarter('10:00', '10:02 to 10:05', 'click 10:05', 'cart 10:02'),
    quarter('11:00', '11:00 to 11:00', 'click 11:00'),
  ]);
});

t.test('apps are counted apart; their times lie side by side', async () => {
  const apart = given(
    event(),
    event({ app: 'wiki' }),
    event({ app: 'wiki', at: '10:20' }),
    event({ at: '10:21' }),
  );
  await apart.rows('hour_counts', [
    counted('10:00', 'click: 2'),
    { ...counted('10:00', 'click: 2'), app: 'wiki' },
  ]);
  await apart.rows('hour_times', [
    quarter('10:00', '10:00 to 10:00', 'click 10:00'),
    { ...quarter('10:00', '10:00 to 10:00', 'click 10:00'), app: 'wiki' },
    quarter('10:15', '10:21 to 10:21', 'click 10:21'),
    { ...quarter('10:15', '10:20 to 10:20', 'click 10:20'), app: 'wiki' },
  ]);
});

t.test(
  'the 901st event of a quarter begins another block; a name’s events take more than a byte',
  async () => {
    const events = times(2 * BLOCK_EVENTS + 1, (index) =>
      event({ at: timeOf('10:00') + 100 * index, name: ['often', 'often', 'rare'][index % 3] ?? '' }),
    );
    const many = given(
      events.slice(0, 300),
      events.slice(300, BLOCK_EVENTS),
      events.slice(BLOCK_EVENTS, BLOCK_EVENTS + 500),
      events.slice(BLOCK_EVENTS + 500),
    );
    await many.rows('hour_counts', [counted('10:00', 'often: 1201', 'rare: 600')]);
    const block = (number: number) => {
      const some = events.slice(number * BLOCK_EVENTS, (number + 1) * BLOCK_EVENTS);
      const at = some.map(({ ts }) => clock(ts));
      const rowOf = (name: string) =>
        [name, ...at.filter((_, index) => some[index]?.name === name)].join(' ');
      const rows = number < 2 ? [rowOf('often'), rowOf('rare')] : [rowOf('often')];
      return { ...quarter('10:00', `${at[0]} to ${at.at(-1)}`, ...rows), block: number };
    };
    await many.rows('hour_times', times(3, block));
  },
);

t.test('as many names in a quarter as a block has events, and names beyond a block of counts', async () => {
  const names = times(BLOCK_EVENTS + 1, (index) => `name-${index + 1}`);
  const many = given(names.map((name) => event({ name })));
  const once = names.map((name) => `${name}: 1`);
  await many.rows('hour_counts', [
    // No name has the number 0.
    counted('10:00', ...once.slice(0, BLOCK_NAMES - 1)),
    { ...counted('10:00', ...once.slice(BLOCK_NAMES - 1)), block: 1 },
  ]);
  await many.rows('hour_times', [
    quarter('10:00', '10:00 to 10:00', ...names.slice(0, BLOCK_EVENTS).map((name) => `${name} 10:00`)),
    { ...quarter('10:00', '10:00 to 10:00', `name-${BLOCK_EVENTS + 1} 10:00`), block: 1 },
  ]);
});

t.test('names as long as they can be, of a byte’s difference', () => {
  const [one, other] = ['€'.repeat(TEXT_MAX), `${'€'.repeat(TEXT_MAX - 1)}₭`];
  return given(event({ name: one }), event({ name: other })).rows('hour_counts', [
    counted('10:00', `${one}: 1`, `${other}: 1`),
  ]);
});

t.test('the least and the greatest time there is', () => {
  const [first, last] = [clock(0), clock(MAX_TS)];
  return given(event({ at: 0 }), event({ at: MAX_TS })).rows('hour_times', [
    quarter(first, `${first} to ${first}`, `click ${first}`),
    quarter(clock(MAX_TS - (MAX_TS % QUARTER_MS)), `${last} to ${last}`, `click ${last}`),
  ]);
});

t.test('a sweep takes hours and quarters before midnight, of every app and type', async () => {
  const swept = given(
    [event({ at: '06-14 23:59:59.999' }), event({ at: '06-15 00:00' }), event({ at: '06-13 10:00' })],
    event({ app: 'wiki', type: 'pageview', at: '06-14 10:00' }),
  ).swept('06-15');
  await swept.rows('hour_counts', [counted('06-15 00:00', 'click: 1')]);
  await swept.rows('hour_times', [quarter('06-15 00:00', '06-15 00:00 to 06-15 00:00', 'click 06-15 00:00')]);
});

t.test('a sweep of more hours than one turn takes', async () => {
  const swept = given(
    times(22 * 24, (index) => event({ at: timeOf('06-15 00:00') - (index + 1) * HOUR_MS })),
    event({ at: '06-15 09:00' }),
  ).swept('06-15');
  await swept.rows('hour_counts', [counted('06-15 09:00', 'click: 1')]);
  await swept.rows('hour_times', [quarter('06-15 09:00', '06-15 09:00 to 06-15 09:00', 'click 06-15 09:00')]);
});

t.test('a sweep that was cut off: a range that cuts a day counts what lies after it', () =>
  given([event({ at: '06-14 23:59:59' }), event({ at: '06-15 00:00' })], event({ at: '06-15 00:10' }))
    .fenced('06-15')
    .answers(
      async (store) =>
        (await store.ask('aggregates', { from: timeOf('06-14 23:30'), to: timeOf('06-15 00:05'), limit: 9 }))
          .top_events,
      [{ name: 'click', count: 1 }],
    ),
);

t.test('the events of a user who is erased are not counted any more', async () => {
  const erased = given(event(), event({ user: 'bob', at: '10:01' }), event({ name: 'hers' })).erased('alice');
  await erased.rows('hour_counts', [counted('10:00', 'click: 1')]);
  await erased.rows('hour_times', [quarter('10:00', '10:01 to 10:01', 'click 10:01')]);
});

const MIDNIGHT = Date.UTC(2026, 2, 1);
const HOUR_MS = 3_600_000;
const EVENTS = 3_000;
const APP = 'inventory';

/** Three hours before noon, out of order within each batch, of several names and types. */
const events: NewEvent[] = Array.from({ length: EVENTS }, (_, index) => ({
  ts: MIDNIGHT + 9 * HOUR_MS + Math.floor(index * 3_600 + ((index * 7_919) % 3_500)),
  user_id: 'alice',
  session_id: 's_1',
  type: (['event', 'pageview', 'event', 'network'] as EventType[])[index % 4] ?? 'event',
  name: `name_${index % 7}`,
}));

const topOf = (type: EventType, from: number, to: number) => {
  const counts = new Map<string, number>();
  for (const event of events) {
    if (event.type === type && event.ts >= from && event.ts <= to)
      counts.set(event.name, (counts.get(event.name) ?? 0) + 1);
  }
  return [...counts]
    .map(([name, count]) => ({ name, count }))
    .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
};

t.test('hours that bounds cut', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'spyglass-hours-'));
  t.teardown(() => rm(dataDir, { recursive: true, force: true }));
  const store = await openLmdbStore({ dataDir });
  // Groups of many sizes, so that blocks are filled in every way.
  for (let at = 0, size = 1; at < EVENTS; at += size, size = (size * 5) % 701) {
    await store.append([{ app: APP, receivedAt: MIDNIGHT, events: events.slice(at, at + size) }]);
  }
  const first = MIDNIGHT + 9 * HOUR_MS;
  const bounds = [first, first + 1, first + HOUR_MS - 1, first + HOUR_MS, first + 1.5 * HOUR_MS];
  bounds.push(first + 2 * HOUR_MS, first + 2.7 * HOUR_MS, first + 3 * HOUR_MS - 1, first + 3 * HOUR_MS);
  for (const from of bounds) {
    for (const to of bounds.filter((bound) => bound >= from)) {
      const found = await store.ask('aggregates', { from, to, limit: 100 });
      const range = `${from - first} to ${to - first} ms`;
      t.strictSame(found.top_events, topOf('event', from, to), `events, ${range}`);
      t.strictSame(found.top_pages, topOf('pageview', from, to), `pages, ${range}`);
    }
  }
  await store.close();
  const report = await verifyStore(dataDir, () => {});
  t.equal(report.problem, undefined, 'a rebuild makes the same');

  const swept = await openLmdbStore({ dataDir, now: () => MIDNIGHT + 3 * DAY_MS });
  await swept.sweep({ eventsBefore: MIDNIGHT + DAY_MS });
  await swept.close();
  const env = openEnv(dataDir, { mode: 'read' });
  t.equal(env.table('hour_times').entryCount() + env.table('hour_counts').entryCount(), 0, 'days go whole');
  await env.close();
});
