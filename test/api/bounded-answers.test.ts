/**
 * Every reading route over a store made to have large answers: none is larger than its bound, each says what it left out,
 * and pages lead to the rest. The bounds are lowered for that; `test/long/bounded-answers.test.ts` has them as they are.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { MAX_TS, READ_MS_MAX } from '../../src/domain/limits.js';
import { dayOf } from '../../src/domain/utc.js';
import { openLog } from '../../src/log/batches/log.js';
import { openEnv } from '../../src/log/file/env.js';
import { openDays } from '../../src/projections/days.js';
import { ANSWER_BOUNDS, type AnswerBounds } from '../../src/questions/bounds.js';
import { openStore } from '../../src/store/open.js';
import { APP, fillHostile, NO_JSON, OTHER_APP, pathOf, requestsOf } from '../support/hostile-store.js';
import { registeredRoutes } from '../support/routes.js';
import { CONFIG, createTestServer } from './unit/server.js';

const BOUNDS: AnswerBounds = { bytes: 100_000, propsBytes: 30_000, chunks: 200, cueChunks: 20 };
const AMOUNTS = {
  ...{ fat: 60, fatBytes: 5_000, hugeBytes: 40_000, names: 10_500, groups: 4_500 },
  ...{ days: 4_500, sessions: 2_000, chunks: 900 },
};

interface Row {
  id: number;
  ts: number;
  truncated?: true;
}
interface Answer {
  truncated?: true;
  next_cursor?: string;
  events: Row[];
  groups: {
    group: string;
    name: string;
    last_event_id: number;
    by_day: { day: string }[];
    truncated?: true;
  }[];
  days: { day: string }[];
  dau: { day: string }[];
  breadcrumbs: Row[];
  event: Row;
  chunks: { seq: number }[];
  replay_cue: { chunks: { seq: number; ts: number }[] };
  names: { name: string; count: number }[];
  sessions: { session_id: string }[];
}

const dataDir = await mkdtemp(join(tmpdir(), 'spyglass-bounded-'));
await fillHostile(dataDir, AMOUNTS);
const { apps, limits } = { ...CONFIG, limits: { ...CONFIG.limits, body_bytes: 64 * 1_048_576 } };
const opened = await openStore({ dataDir, apps, limits, readers: { bounds: BOUNDS } });
const server = await createTestServer({ store: opened.store });
t.teardown(async () => {
  await server.close();
  await opened.store.close();
  await rm(dataDir, { recursive: true, force: true, maxRetries: 3 });
});

async function read(path: string): Promise<Answer & { bytes: number }> {
  const answer = await server.inject({ url: path, headers: { host: '127.0.0.1' } });
  if (answer.statusCode !== 200)
    throw new Error(`${path}: ${answer.statusCode} ${answer.body.slice(0, 300)}`);
  return { ...JSON.parse(answer.body), bytes: answer.rawPayload.length };
}

const { groups } = await read('/v1/query/errors?limit=500');
const daily = groups.find(({ name }) => name === 'daily');
const fat = groups.find(({ name }) => name === 'Fat');
const [huge] = (await read('/v1/query/events?type=bug_report&limit=1')).events;
const incidents = [fat?.last_event_id ?? 0, huge?.id ?? 0, daily?.last_event_id ?? 0];
const requests = requestsOf(fat?.group ?? '', incidents);

t.test('BND-01 no route answers with more than the bound', async (t) => {
  const routes = (await registeredRoutes())
    .filter((route) => route.startsWith('GET /v1/'))
    .map((route) => route.slice('GET '.length))
    .filter((route) => !NO_JSON.includes(route));
  t.ok(routes.length > 10, 'the routes were found');
  for (const route of routes) {
    t.ok(requests[route]?.length, `${route} is asked`);
    for (const asked of requests[route] ?? []) {
      const { bytes } = await read(pathOf(route, asked));
      t.ok(bytes <= BOUNDS.bytes, `${pathOf(route, asked)}: ${bytes} bytes`);
    }
  }
});

t.test('BND-06 MAN-13 INC-16 the bounds that a collector has', async (t) => {
  const MIB = 1_048_576;
  t.same(ANSWER_BOUNDS, { bytes: 8 * MIB, propsBytes: 4 * MIB, chunks: 50_000, cueChunks: 5_000 });
  t.equal(READ_MS_MAX, 5_000);
});

t.test('BND-02 a read that takes longer than it may is a 504', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'spyglass-bounded-'));
  const { store } = await openStore({ dataDir, apps, limits, readers: { readMs: 0 } });
  const server = await createTestServer({ store });
  t.teardown(async () => {
    await server.close();
    await store.close();
    await rm(dataDir, { recursive: true, force: true, maxRetries: 3 });
  });
  for (const path of ['/v1/query/events', '/v1/query/errors', '/v1/sessions/s/replay']) {
    const answer = await server.inject({ url: path, headers: { host: '127.0.0.1' } });
    t.equal(answer.statusCode, 504, path);
    t.match(answer.json(), { type: 'urn:spyglass:problem:read_timeout' });
  }
});

t.test('BND-03 pages end early, and lead to every event once', async (t) => {
  for (const path of [
    '/v1/query/events?session=fat&limit=500',
    `/v1/query/occurrences?group=${fat?.group}&limit=500`,
  ]) {
    const ids: number[] = [];
    let pages = 0;
    for (let cursor: string | undefined = ''; cursor !== undefined; pages++) {
      const page: Answer = await read(`${path}&cursor=${cursor}`);
      t.ok(page.events.length > 0, 'at least one');
      ids.push(...page.events.map(({ id }) => id));
      cursor = page.next_cursor;
    }
    const all = path.includes('session') ? AMOUNTS.fat + 1 : AMOUNTS.fat / 2;
    t.equal(ids.length, all, path);
    t.equal(new Set(ids).size, all);
    t.ok(pages > 1, `${pages} pages`);
  }
});

t.test('BND-04 an event whose props are too large is there without them, and says so', async (t) => {
  const [whole, cut] = [await read(`/v1/events/${incidents[0]}`), await read(`/v1/events/${incidents[1]}`)];
  t.match(whole, { props: {} });
  t.notOk(whole.truncated);
  t.match(cut, { id: incidents[1], truncated: true });
  t.notOk('props' in cut);
  const page = await opened.store.tail((incidents[1] ?? 0) - 1, 1);
  t.match(page.events, [{ id: incidents[1], truncated: true }], 'in the live feed too');
});

t.test('INC-15 INC-16 an incident keeps the events and chunks nearest to its moment', async (t) => {
  for (const id of incidents.slice(0, 2)) {
    const { event, breadcrumbs, replay_cue, truncated } = await read(`/v1/incidents/${id}`);
    t.equal(truncated, true);
    t.ok(
      breadcrumbs.some((one) => one.id === id),
      'itself among them',
    );
    t.ok(breadcrumbs.length > 2, `${breadcrumbs.length} breadcrumbs`);
    const furthest = Math.max(...breadcrumbs.map(({ ts }) => Math.abs(ts - event.ts)));
    const kept = new Set(breadcrumbs.map((one) => one.id));
    const window = await opened.store.ask('events', { session: 'fat', limit: 500 });
    for (const { id, ts } of window.events)
      if (Math.abs(ts - event.ts) < furthest) t.ok(kept.has(id), `${id} is nearer than the furthest kept`);
    t.equal(replay_cue.chunks.length, BOUNDS.cueChunks);
    const near = Math.max(...replay_cue.chunks.map(({ ts }) => Math.abs(ts - event.ts)));
    t.ok(near < 1_500, `chunks within ${near} ms`);
  }
});

t.test('BND-05 lists of days keep the latest', async (t) => {
  const activity = await read('/v1/query/activity?user=daily');
  const { dau, truncated } = await read('/v1/query/aggregates');
  const {
    groups: [group],
    truncated: isCut,
  } = await read(`/v1/query/errors?group=${daily?.group}`);
  t.same([activity.truncated, truncated, isCut, group?.truncated], [true, true, true, true]);
  for (const [days, last] of [
    [activity.days, '1982'],
    [dau, '2026'],
    [group?.by_day ?? [], '1982'],
  ] as const) {
    t.ok(days.length > 300, `${days.length} days`);
    t.ok(days.at(-1)?.day.startsWith(last), `${days.at(-1)?.day}`);
    t.same(
      days,
      [...days].sort((a, b) => (a.day < b.day ? -1 : 1)),
    );
  }
});

t.test('days of several apps are counted some at a time, by a clock', async (t) => {
  const ofBoth = await opened.store.ask('aggregates', { apps: [APP, OTHER_APP], limit: 10 });
  const ofOne = await opened.store.ask('aggregates', { apps: [APP], limit: 10 });
  t.equal(ofBoth.truncated, true);
  t.ok(ofBoth.dau.length > 300);
  t.same(ofBoth.dau.slice(-300), ofOne.dau.slice(-300), 'nobody is counted twice');
  const env = openEnv(dataDir, { mode: 'read' });
  const { dictionaries } = openLog(env);
  const apps = [APP, OTHER_APP].map((app) => dictionaries.number('app', app) ?? 0);
  let rows = 0;
  const counted: [days: number, rows: number][] = [];
  for (const _ of openDays(env).counts(apps, 0, dayOf(MAX_TS), () => rows++))
    counted.push([counted.length + 1, rows]);
  t.equal(counted.length, AMOUNTS.days + 1);
  t.ok(
    counted.every(([days, rows]) => rows <= 2 * (days + 64)),
    'no further than the days that are counted at once',
  );
  await env.close();
});

t.test('MAN-13 a manifest comes in pages', async (t) => {
  const seqs: number[] = [];
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const page: Answer = await read(`/v1/sessions/fat/replay?cursor=${cursor}`);
    t.ok(page.chunks.length <= BOUNDS.chunks);
    seqs.push(...page.chunks.map(({ seq }) => seq));
    cursor = page.next_cursor;
  }
  t.same(
    seqs,
    Array.from({ length: AMOUNTS.chunks }, (_, n) => n + 1),
  );
});

t.test('of very many equals those that come first by their bytes are listed', async (t) => {
  const inOrder = Array.from({ length: AMOUNTS.names }, (_, n) => `order ${n} was viewed`).sort();
  const { names } = await read('/v1/query/names?type=event&prefix=order&limit=5');
  t.same(
    names,
    inOrder.slice(0, 5).map((name) => ({ name, count: 1 })),
  );
  const rest = await read('/v1/query/names?type=event&limit=10');
  t.same(
    rest.names.slice(2, 7).map(({ name }) => name),
    inOrder.slice(0, 5),
    'behind the frequent ones',
  );
  const errors = await read('/v1/query/errors?limit=3');
  t.equal(errors.groups[0]?.name, 'daily');
  t.equal(errors.groups[1]?.name, 'Fat');
});

t.test('sessions of one user: the latest, then by id', async (t) => {
  const { sessions } = await read('/v1/query/sessions?user=service&limit=2');
  const odd = Array.from({ length: AMOUNTS.sessions / 2 }, (_, n) => `of-service-${2 * n + 1}`).sort();
  t.same(
    sessions.map(({ session_id }) => session_id),
    odd.slice(0, 2),
  );
});
