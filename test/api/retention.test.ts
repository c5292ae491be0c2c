/** Retention from outside: what a sweep takes, what it leaves, and what comes too late. */
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { spawnCollector, startCollector, writeConfig } from '../support/collector.js';
import { filesWith } from '../support/files.js';
import {
  apps,
  ask,
  DAY,
  event,
  get,
  HOUR,
  keyOf,
  MINUTE,
  NOON,
  postEvents,
  problemOf,
  refusal,
  store,
} from '../support/http.js';
import { chunk, manifest, upload } from '../support/replay.js';
import type { EventsAnswer, SessionRow, UserRow } from '../support/rows.js';

/** As old as an event may be. */
const OLD = Date.UTC(2000, 0);
const MIDNIGHT = NOON - DAY / 2;
const APPS = ['inventory', 'shop'];

/** Events around the fence: sessions, users and names that lie below it, above it, and on both sides. */
const HISTORY = [
  { ts: MIDNIGHT - 3 * DAY, user_id: 'gone', session_id: 'old', name: 'view', user: { name: 'Gone' } },
  {
    ts: MIDNIGHT - 1,
    user_id: 'both',
    session_id: 'across',
    name: 'view',
    user: { name: 'Old', email: 'old@x' },
  },
  { ts: MIDNIGHT + 5 * MINUTE, user_id: 'both', session_id: 'across', name: 'cart', type: 'error' },
  { ts: MIDNIGHT, user_id: 'first', session_id: 'edge', name: 'view', user: { name: 'First' } },
  { ts: MIDNIGHT - HOUR, user_id: 'first', session_id: 'early', name: 'boom', type: 'error' },
  { ts: MIDNIGHT - 30_000, user_id: 'both', session_id: 'login', name: '/a', type: 'pageview' },
  { ts: MIDNIGHT + 20_000, user_id: 'new', session_id: 'login', name: '/a', type: 'pageview' },
  { ts: MIDNIGHT + DAY, user_id: 'new', session_id: 'fresh', name: 'view' },
  { ts: MIDNIGHT + DAY + 1, user_id: 'new', session_id: 'fresh', name: 'cart', props: { a: 1 } },
  { ts: MIDNIGHT - 2, user_id: 'gone', session_id: 'fresh', name: 'cart' },
  { ts: MIDNIGHT + 2 * DAY, user_id: 'both', session_id: 'across', name: 'checkout', type: 'bug_report' },
].map((over) => event(over));
const isKept = ({ ts }: Record<string, unknown>) => Number(ts) >= MIDNIGHT;

/** Every view's answer, ids left out, as two stores with different pasts number alike events differently. */
async function everyView(url: string): Promise<unknown> {
  const bounds = ['', `&from=${MIDNIGHT - DAY}&to=${MIDNIGHT + HOUR}`, `&from=${MIDNIGHT + 1}`];
  const people = ['gone', 'both', 'first', 'new'];
  const paths = [
    ...bounds.flatMap((bound) => [
      `events?limit=500${bound}`,
      `events?type=error${bound}`,
      `events?session=across${bound}`,
      ...people.map((user) => `events?user=${user}${bound}`),
      ...['', '&app=inventory', '&app=shop'].flatMap((app) => [
        `funnel?steps=view,cart${bound}${app}`,
        `funnel?steps=cart,checkout${bound}${app}`,
        `aggregates?limit=100${bound}${app}`,
      ]),
    ]),
    'users?limit=500',
    'users?app=shop',
    'sessions?limit=500',
    'sessions?app=shop',
    ...people.map((user) => `sessions?user=${user}`),
  ];
  const answers: Record<string, unknown> = {};
  for (const path of paths) {
    const { text } = await ask(url, `/v1/query/${path}`);
    answers[path] = JSON.parse(text, (name, value) => (name === 'id' || name === 'head' ? undefined : value));
  }
  return answers;
}

async function fill(url: string, events: readonly object[]) {
  for (const app of APPS) for (const one of events) await store(url, app, [one]);
}

/** What the collector's clock shows, when it is not what the machine's does. */
let shown: number | undefined;
const wall = Date.now;
t.intercept(Date, 'now', { value: () => shown ?? wall() });
const c = await startCollector({ apps: apps(...APPS) });
t.teardown(() => c.close());
const count = async (url = c.url) =>
  (await get<EventsAnswer>(url, '/v1/query/events?limit=500')).events.length;
const lateCount = async () => {
  const { text } = await ask(c.url, '/metrics');
  const [, value] = /^spyglass_\w*late\w*(?:\{[^}]*\})? (\d+)$/m.exec(text) ?? [];
  return Number(value);
};

t.test(
  'RET-01 RET-02 RET-06 RET-11 after a sweep every view is as if the older days had never been',
  async (t) => {
    await fill(c.url, HISTORY);
    const { head } = await get<EventsAnswer>(c.url, '/v1/query/events');
    const never = await startCollector({ apps: apps(...APPS) });
    t.teardown(() => never.close());
    await fill(never.url, HISTORY.filter(isKept));

    const [goneError] = (await get<EventsAnswer>(c.url, `/v1/query/events?type=error&to=${MIDNIGHT - 1}`))
      .events;
    t.ok(goneError);
    await c.store.sweep({ eventsBefore: MIDNIGHT });
    const expected = await everyView(never.url);
    t.same(await everyView(c.url), expected);
    const { events, head: after } = await get<EventsAnswer>(c.url, '/v1/query/events?limit=500');
    t.equal(events.length, APPS.length * HISTORY.filter(isKept).length);
    t.ok(events.every(isKept as (row: unknown) => boolean));
    t.equal(after, head, 'the head stays');
    await refusal(c.url, `/v1/incidents/${goneError?.id}`, 404);
    await refusal(c.url, `/v1/events/${goneError?.id}`, 404);

    await c.restart();
    t.same(await everyView(c.url), expected, 'after a restart too');
    await store(c.url, 'inventory', [event({ name: 'next', ts: MIDNIGHT + 9 * DAY })]);
    const [next] = (await get<EventsAnswer>(c.url, '/v1/query/events?limit=1')).events;
    t.equal(next?.id, head + 1, 'ids go on where they were');
  },
);

t.test('RET-03 RET-04 RET-09 RET-10 a late event is a 204, not stored, and counted', async (t) => {
  const before = await count();
  const late = await lateCount();
  await store(c.url, 'inventory', [event({ ts: MIDNIGHT - 1, session_id: 'late', user_id: 'late' })]);
  await store(c.url, 'shop', [event({ ts: OLD, session_id: 'late', user_id: 'late', name: 'late' })]);
  t.equal(await count(), before);
  t.equal(await lateCount(), late + 2);
  await store(c.url, 'shop', [
    event({ ts: MIDNIGHT - 1, session_id: 'half', user_id: 'late', name: 'half' }),
    event({ ts: MIDNIGHT, session_id: 'half', user_id: 'half', name: 'half' }),
    event({ ts: MIDNIGHT - DAY, session_id: 'half', user_id: 'late', name: 'half' }),
  ]);
  t.equal(await count(), before + 1, 'the rest of its batch is stored');
  t.equal(await lateCount(), late + 4);
  await c.restart();
  t.equal(
    (await postEvents(c.url, { app: 'shop', key: 'sg_live_secret_of_shop', events: [event({ ts: OLD })] }))
      .status,
    204,
  );
  t.equal(await count(), before + 1, 'the fence holds after a restart');
  const { users } = await get<{ users: UserRow[] }>(c.url, '/v1/query/users?limit=500');
  t.notOk(users.some((row) => row.user_id === 'late'));
  const { sessions } = await get<{ sessions: SessionRow[] }>(c.url, '/v1/query/sessions?limit=500');
  t.match(
    sessions.find((row) => row.session_id === 'half'),
    { event_count: 1, user_id: 'half', started_at: MIDNIGHT },
  );
  t.notOk(sessions.some((row) => row.session_id === 'late'));
});

const replays: Buffer[] = [];

t.test('RET-05 replays expire by time of receipt', async (t) => {
  const url = c.url;
  const today = Date.now() - (Date.now() % DAY);
  await store(url, 'inventory', [event({ session_id: 'replayed', ts: MIDNIGHT + 9 * DAY })]);
  const received = async (seq: number, at: number, ts: number) => {
    shown = at;
    const bytes = await upload(url, { app: 'inventory', session: 'replayed', seq, ts }, chunk(`r${seq}`));
    shown = undefined;
    return bytes;
  };
  replays.push(await received(1, today - 3 * DAY - 1, today - 3 * DAY - 1));
  replays.push(await received(2, today - 3 * DAY, today - 9 * DAY));
  replays.push(await received(3, wall(), today - 9 * DAY));
  await c.store.sweep({ replaysBefore: today - 3 * DAY });
  t.same(
    (await manifest(url, 'replayed')).chunks.map((row) => row.seq),
    [2, 3],
  );
  await refusal(url, '/v1/sessions/replayed/replay/1', 404);
  const { sessions } = await get<{ sessions: SessionRow[] }>(url, '/v1/query/sessions?user=alice');
  t.equal(sessions.find((row) => row.session_id === 'replayed')?.chunk_count, 2);
});

t.test('RET-05 the file of an expired replay is gone too', async (t) => {
  const files = await Promise.all(replays.map((bytes) => filesWith(c.dataDir, bytes)));
  t.same(
    files.map(({ length }) => length),
    [0, 1, 1],
  );
});

t.test('RET-05 a session without a replay left has none', async () => {
  await c.store.sweep({ replaysBefore: Date.now() + DAY });
  await refusal(c.url, '/v1/sessions/replayed/replay', 404);
});

/** Asks again until it is so; fails after 60 s. */
async function until(isSo: () => Promise<boolean> | boolean) {
  for (const end = performance.now() + 60_000; !(await isSo()); await delay(10)) {
    if (performance.now() > end) throw new Error(`still not so after 60 s: ${isSo}`);
  }
}

t.test('RET-07 RET-08 a collector sweeps by its configuration when it starts', async (t) => {
  const own = await startCollector({ apps: apps('inventory') });
  t.teardown(() => own.close());
  const today = Date.now() - (Date.now() % DAY);
  const times = [OLD, today - 400 * DAY, today - 3 * DAY - 1, Date.now() - 3 * DAY, Date.now()];
  for (const ts of times) await store(own.url, 'inventory', [event({ ts })]);
  await upload(own.url, { app: 'inventory', session: 's_1', seq: 1, ts: 5 });
  await own.restart();
  await own.restart();
  t.equal(await count(own.url), 5, 'retention of 0 keeps for ever');
  own.config.retention.events_days = 3;
  own.config.retention.replays_days = 1;
  await own.restart();
  await until(async () => (await count(own.url)) < 5);
  const { events } = await get<EventsAnswer>(own.url, '/v1/query/events');
  t.same(
    events.map((row) => row.ts),
    times.slice(3).reverse(),
  );
  t.equal((await manifest(own.url, 's_1')).chunks.length, 1, 'a replay received today stays');
});

t.test('RET-13 RET-14 a clock ahead for one start takes nothing, and lets nothing be lost', async (t) => {
  const own = await startCollector({
    apps: apps('inventory'),
    retention: { events_days: 3, replays_days: 1 },
  });
  t.teardown(() => own.close());
  await store(own.url, 'inventory', [event({ ts: Date.now() })]);
  await upload(own.url, { app: 'inventory', session: 's_1', seq: 1, ts: 5 });
  shown = wall() + 400 * DAY;
  await own.restart();
  t.same(await get(own.url, '/readyz'), { status: 'ready', clock: 'ahead' });
  t.equal(await count(own.url), 1);
  t.equal((await manifest(own.url, 's_1')).chunks.length, 1);
  t.notOk(own.lines.some((line) => line.includes(`"eventsBefore":${shown}`)));
  t.ok(own.lines.some((line) => /"level":40.*nothing is swept/.test(line)));
  // As a wrong clock would leave it behind, were it believed.
  await own.store.sweep({ eventsBefore: shown - (shown % DAY) });
  shown = undefined;
  const refused = await postEvents(own.url, {
    app: 'inventory',
    key: keyOf('inventory'),
    events: [event({ ts: Date.now() })],
  });
  problemOf(refused, 503);
  t.ok(Number(refused.headers['retry-after']) > 0);
  const before = own.lines.length;
  await own.restart();
  t.same(await get(own.url, '/readyz'), { status: 'ready' });
  await until(() => own.lines.slice(before).some((line) => line.includes('retention sweep done')));
  await store(own.url, 'inventory', [event({ ts: Date.now(), name: 'again' })]);
  t.equal(await count(own.url), 1, 'stored, now that the fence is lowered');
});

t.test('RET-12 a sweep that is cut off goes on at the next start', async (t) => {
  const child = await spawnCollector({ apps: apps('inventory') });
  t.teardown(() => child.close());
  const days = Array.from({ length: 12 }, (_, day) =>
    Array.from({ length: 100 }, (_, i) =>
      event({ ts: Date.now() - day * DAY, user_id: `u${i % 50}`, session_id: `s${i}`, name: `n${i % 7}` }),
    ),
  );
  for (const events of days) await store(child.url, 'inventory', events);
  child.config.retention.events_days = 2;
  await writeConfig(child.configFile, child.config);
  await child.restart();
  await child.kill();
  await child.restart();
  const dayCount = async () =>
    (await get<{ dau: { count: number }[] }>(child.url, '/v1/query/aggregates')).dau.map((row) => row.count);
  await until(async () => (await dayCount()).length === 3);
  t.same(await dayCount(), [50, 50, 50]);
  const { sessions } = await get<{ sessions: SessionRow[] }>(child.url, '/v1/query/sessions?limit=500');
  t.equal(sessions.length, 100);
  t.ok(sessions.every((row) => row.event_count === 3));
});
