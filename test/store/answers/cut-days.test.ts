/**
 * Aggregates over ranges that cut days, hours and record batches, and listings of one type, against a count over all events:
 * more users, runs and errors an hour than a block of theirs holds, late events, and users of several apps.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { EventType, NewEvent } from '../../../src/domain/event.js';
import { DAY_MS } from '../../../src/domain/limits.js';
import { dayName } from '../../../src/domain/utc.js';
import { openEnv } from '../../../src/log/file/env.js';
import { obtain } from '../../../src/projections/engine/projection.js';
import type { EventPosition } from '../../../src/questions/cursor.js';
import type { Ask } from '../../../src/questions/index.js';
import { verifyStore } from '../../../src/store/offline/verify.js';
import { openLmdbStore } from '../../../src/store/open-in-process.js';
import type { Store } from '../../../src/store/port.js';

const MIDNIGHT = Date.UTC(2026, 2, 1);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const APPS = ['inventory', 'billing', 'wiki'];
/** More than a block of a day's bitmap has. */
const USERS = 2_100;

interface Body {
  app: string;
  events: NewEvent[];
}

const event = (user: number, ts: number, type: EventType, name: string): NewEvent => ({
  ts,
  user_id: `user-${user}`,
  session_id: `s-${user}`,
  type,
  name,
});

/** Whoever has but the first or the last millisecond of an hour. */
function* solitary(): Generator<Body> {
  for (const hour of [7, 8, 10]) {
    for (const into of [-1, 0]) {
      const user = USERS + 2 * hour + into;
      yield { app: 'wiki', events: [event(user, MIDNIGHT + hour * HOUR_MS + into, 'event', 'once')] };
    }
  }
}

/** Of what a worker sends in a minute; every third time there is a report among it. */
function typeOf(turn: number, index: number): EventType {
  if (index === 1) return 'error';
  return index === 3 && turn % 3 === 0 ? 'bug_report' : 'event';
}

function* bodies(): Generator<Body> {
  // Everybody looks in once, all in one hour, and some in two apps.
  for (let user = 0; user < USERS; user++) {
    const ts = MIDNIGHT + 9 * HOUR_MS + user * 1_500;
    for (const app of user % 5 === 0 ? APPS.slice(0, 2) : APPS.slice(0, 1))
      yield { app, events: [event(user, ts, 'pageview', `/${user % 13}`)] };
  }
  // A few work for hours, at a pace of their own; each batch has its error first and its last event in another place.
  for (let turn = 0; turn < 60; turn++) {
    for (let user = 0; user < 12; user++) {
      const start = MIDNIGHT + 7 * HOUR_MS + turn * (5 + user) * MINUTE_MS + user * 1_117;
      const events = [3_000, 0, 41_000, 17_000, 59_000].map((into, index) =>
        event(user, start + into, typeOf(turn, index), `action_${(turn + index) % 7}`),
      );
      yield { app: APPS[(user + turn) % 3] ?? '', events };
    }
  }
  // Batches over the end of an hour, and of the day, whose order of arrival is not that of time; two types share the last one.
  for (const [index, hour] of [8, 8.5, 9, 10, 24].entries()) {
    const times = [1, -29_000, 30_000, -1, 0, 30_000].map((into) => MIDNIGHT + hour * HOUR_MS + into);
    for (const types of [
      ['error', 'pageview'],
      ['event', 'event'],
      ['event', 'error'],
      ['bug_report', 'event'],
    ] as const) {
      const events = times.map((ts, at) => event(30 + index, ts, types[at % 2] ?? 'event', `edge_${at}`));
      yield { app: 'billing', events };
    }
  }
  yield* solitary();
  // What comes late, for hours that others went on from; between it a burst within a minute: more errors than a block of an hour
  // has, and more events than one of a quarter, with other commits in between.
  for (let user = 100; user < 160; user++) {
    const ts = MIDNIGHT + 8 * HOUR_MS + user * 30_000;
    yield { app: 'wiki', events: [event(user, ts, 'event', 'late'), event(user, ts + 20, 'error', 'late')] };
    if (user % 6 > 0) continue;
    const start = MIDNIGHT + 11.5 * HOUR_MS + user * 300;
    const events = Array.from({ length: 250 }, (_, at) =>
      event(50, start + at * 11, at % 2 ? 'error' : 'event', 'flood'),
    );
    yield { app: 'inventory', events };
  }
  // The last users of a day's block come back.
  yield* solitary();
}

type Stored = NewEvent & { app: string };
type Range = { from: number; to: number; apps?: readonly string[] };

const matching = (events: readonly Stored[], { from, to, apps = APPS }: Range): Stored[] =>
  events.filter(({ ts, app }) => ts >= from && ts <= to && apps.includes(app));

function groups(events: readonly Stored[], keyOf: (event: Stored) => string): [string, Stored[]][] {
  const found = new Map<string, Stored[]>();
  for (const one of events) obtain(found, keyOf(one), () => []).push(one);
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
}

const top = (events: readonly Stored[], wanted: EventType) =>
  groups(
    events.filter(({ type }) => type === wanted),
    ({ name }) => name,
  )
    .map(([name, all]) => ({ name, count: all.length }))
    .sort((a, b) => b.count - a.count);

const byDay = (events: readonly Stored[], count: (ofDay: Stored[]) => number) =>
  groups(events, ({ ts }) => `${Math.floor(ts / DAY_MS)}`)
    .map(([day, all]) => ({ day: dayName(Number(day)), count: count(all) }))
    .filter(({ count }) => count > 0);

const aggregatesOf = (events: readonly Stored[], range: Range) => {
  const inside = matching(events, range);
  return {
    dau: byDay(inside, (all) => new Set(all.map(({ user_id }) => user_id)).size),
    top_events: top(inside, 'event'),
    top_pages: top(inside, 'pageview'),
    errors_by_day: byDay(inside, (all) => all.filter(({ type }) => type === 'error').length),
  };
};

/** Where hours, quarters, batches and blocks end, and what lies within them. */
const BOUNDS = [
  ...[7, 8, 9, 10, 24].flatMap((hour) => [-2, -1, 0, 1].map((into) => hour * HOUR_MS + into)),
  ...[7.25, 8.5, 9.3, 9.6, 11.51, 13.8].map((hour) => Math.round(hour * HOUR_MS)),
  ...[3_000, 3_001, 16_999, 40_000].map((into) => 7 * HOUR_MS + into),
].map((into) => MIDNIGHT + into);

function* ranges(): Generator<Range> {
  for (const apps of [undefined, ...APPS.map((app) => [app]), APPS.slice(0, 2), APPS.slice(1), APPS, []])
    yield { from: MIDNIGHT, to: MIDNIGHT + DAY_MS - 1, ...(apps ? { apps } : {}) };
  for (const from of BOUNDS) {
    for (const to of BOUNDS.filter((bound) => bound >= from)) yield { from, to };
    yield { from, to: from + 7, apps: ['billing'] };
    yield { from: 0, to: from, apps: ['wiki'] };
    yield { from: 0, to: from, apps: ['inventory', 'billing'] };
    yield { from, to: MIDNIGHT + 2 * DAY_MS, apps: ['wiki', 'nobody-knows', 'inventory'] };
  }
}

async function pages(store: Store, query: Ask<'events'>): Promise<[number, string][]> {
  const found: [number, string][] = [];
  for (let cursor: EventPosition | undefined; ; ) {
    const page = await store.ask('events', { ...query, ...(cursor ? { cursor } : {}) });
    found.push(...page.events.map(({ ts, id }): [number, string] => [ts, `${id}`]));
    if (!page.next) return found;
    cursor = page.next;
  }
}

t.test('days, hours and batches that bounds cut', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'spyglass-cut-'));
  t.teardown(() => rm(dataDir, { recursive: true, force: true }));
  const store = await openLmdbStore({ dataDir });
  const all = [...bodies()];
  const events: Stored[] = all.flatMap(({ app, events }) => events.map((one) => ({ ...one, app })));
  // Groups of many sizes, so that blocks are filled in every way; what comes last goes into a full one by many commits.
  for (
    let at = 0, size = 1;
    at < all.length;
    at += size, size = at < all.length - 100 ? ((size * 5) % 31) + 1 : 3
  ) {
    await store.append(all.slice(at, at + size).map((body) => ({ ...body, receivedAt: MIDNIGHT })));
  }

  for (const range of ranges()) {
    const { from, to, apps = 'all apps' } = range;
    t.strictSame(
      await store.ask('aggregates', { ...range, limit: 100 }),
      aggregatesOf(events, range),
      `${from - MIDNIGHT} to ${to - MIDNIGHT} ms, ${apps}`,
    );
  }

  const newest = events
    .map(({ ts, app, type, name }, index) => ({ ts, app, type, name, id: index + 1 }))
    .sort((a, b) => b.ts - a.ts || b.id - a.id);
  const told = (some: typeof newest) => some.map(({ ts, id }) => [ts, `${id}`]);
  for (const type of ['error', 'event', 'pageview', 'bug_report'] as const) {
    const ofType = newest.filter((one) => one.type === type);
    t.strictSame(await pages(store, { type, limit: 97 }), told(ofType), `pages of ${type}`);
    const range = { from: MIDNIGHT + 8 * HOUR_MS, to: MIDNIGHT + 10 * HOUR_MS };
    const inside = ofType.filter(({ ts }) => ts >= range.from && ts <= range.to);
    t.strictSame(await pages(store, { type, ...range, limit: 50 }), told(inside), `${type}, in a range`);
  }
  for (const app of APPS) {
    const ofApp = newest.filter((one) => one.app === app);
    t.strictSame(await pages(store, { apps: [app], limit: 89 }), told(ofApp), `pages of ${app}`);
    for (const [index, one] of ofApp
      .filter(({ type }) => type === 'error' || type === 'bug_report')
      .entries()) {
      if (index % 17 !== 0) continue;
      // An error's neighbours are those of its group, a report's all of its app.
      const akin = ofApp.filter(
        ({ type, name }) => type === one.type && (type === 'bug_report' || name === one.name),
      );
      const place = akin.indexOf(one);
      const found = await store.ask('incident', { event_id: one.id });
      const { previous, next } = found?.around?.neighbours ?? {};
      const beside = { previous: akin[place + 1]?.id, next: akin[place - 1]?.id };
      t.strictSame({ previous, next }, beside, `around ${one.type} ${one.id}`);
    }
  }
  const two = newest.filter(({ app }) => app !== 'billing');
  const apps = ['wiki', 'nobody-knows', 'inventory'];
  t.strictSame(await pages(store, { apps, limit: 101 }), told(two), 'pages of two apps');
  await store.close();
  t.equal((await verifyStore(dataDir, () => {})).problem, undefined, 'a rebuild makes the same');

  const swept = await openLmdbStore({ dataDir, now: () => MIDNIGHT + 4 * DAY_MS });
  await swept.sweep({ eventsBefore: MIDNIGHT + 2 * DAY_MS });
  await swept.close();
  const env = openEnv(dataDir, { mode: 'read' });
  for (const table of [
    'streams',
    'days',
    'day_users',
    'day_counts',
    'hour_users',
    'error_counts',
    'error_times',
  ])
    t.equal(env.table(table).entryCount(), 0, `${table} goes whole`);
  await env.close();
});
