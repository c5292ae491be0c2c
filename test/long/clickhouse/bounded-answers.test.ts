/** Answers that would be large: what ClickHouse leaves out of them, beside what the embedded engine does, of the same events. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openClickhouseStore } from '../../../src/clickhouse/store.js';
import type { EventRequest, JsonText, NewEvent } from '../../../src/domain/event.js';
import { DAY_MS, TAIL_TEXT_MAX } from '../../../src/domain/limits.js';
import { ANSWER_BOUNDS, type AnswerBounds } from '../../../src/questions/bounds.js';
import { openStore } from '../../../src/store/open.js';
import { openLmdbStore } from '../../../src/store/open-in-process.js';
import type { Store, WritableStore } from '../../../src/store/port.js';
import { CONFIG, createTestServer } from '../../api/unit/server.js';
import { startChdb } from '../../support/clickhouse/chdb.js';
import { consecutiveIds } from '../../support/clickhouse/ids.js';
import { APP, hostileRequests, MOMENT } from '../../support/hostile-store.js';

const BOUNDS: AnswerBounds = { bytes: 100_000, propsBytes: 60_000, chunks: 200, cueChunks: 20 };
const AMOUNTS = {
  ...{ fat: 60, fatBytes: 5_000, hugeBytes: 70_000, names: 0, groups: 50 },
  ...{ days: 4_500, sessions: 0, chunks: 450 },
};
const OVERLAPS = 60;
t.setTimeout(600_000);

const real = { ...ANSWER_BOUNDS };
Object.assign(ANSWER_BOUNDS, BOUNDS);
const chdb = await startChdb();
const dataDir = await mkdtemp(join(tmpdir(), 'spyglass-bounded-'));
const clickhouse = await openClickhouseStore({
  ...{ url: chdb.url, database: 'bounded', trailMs: 0 },
  ids: consecutiveIds,
});
t.teardown(async () => {
  Object.assign(ANSWER_BOUNDS, real);
  await clickhouse.close();
  await chdb.close();
  await rm(dataDir, { recursive: true, force: true, maxRetries: 3 });
});

/**
 * Batches of one session whose times overlap, many of them equally far from the incidents among them. The last
 * incident has no room a second time.
 */
function* overlapping(): Generator<NewEvent[]> {
  for (const batch of [0, 1, 2])
    yield Array.from({ length: OVERLAPS }, (_, n) => ({
      ts: MOMENT + (((n * 7 + batch) % OVERLAPS) - OVERLAPS / 2) * 250,
      ...{ user_id: 'o', session_id: 'overlap', type: n === 31 ? 'error' : 'event', name: `n${n}` },
      props: JSON.stringify({
        pad: 'x'.repeat((n % 4) * 900 + (n === 31 ? ([9_000, 9_000, 50_000][batch] ?? 0) : 0)),
      }) as JsonText,
    }));
}

async function fill(store: WritableStore): Promise<void> {
  const body = { app: APP, receivedAt: MOMENT };
  const append = async (events: NewEvent[]): Promise<void> => {
    const [one] = await store.append([{ ...body, events } satisfies EventRequest]);
    if (one?.status === 'rejected') throw one.reason;
  };
  for (const events of hostileRequests(AMOUNTS)) await append(events);
  for (const events of overlapping()) await append(events);
  // Its days are older than all that are read for `daily`.
  await append([{ ts: 5 * DAY_MS, user_id: 'o', session_id: 'old', type: 'error', name: 'old' }]);
  const chunk = { app: APP, session: 'fat', receivedAt: MOMENT, bytes: Buffer.from('[]') };
  for (let seq = 1; seq <= AMOUNTS.chunks; seq++)
    await store.putChunk({ ...chunk, seq, ts: MOMENT - 50_000 + ((seq * 61) % 55_000) });
}

await fill(clickhouse);
const embedded = await openLmdbStore({ dataDir });
await fill(embedded);
await embedded.close();
const opened = await openStore({ ...CONFIG, dataDir, readers: { bounds: BOUNDS } });
t.teardown(() => opened.store.close());

interface Answer {
  truncated?: true;
  next_cursor?: string;
  event: { truncated?: true };
  breadcrumbs: { id: number; truncated?: true }[];
  events: { id: number; truncated?: true }[];
  chunks: { seq: number }[];
  groups: { group: string; name: string; by_day: unknown[]; truncated?: true }[];
}
const readerOf = async (store: Store) => {
  const server = await createTestServer({ store });
  t.teardown(() => server.close());
  return async (path: string): Promise<Answer> => {
    const { statusCode, body, rawPayload } = await server.inject({
      url: path,
      headers: { host: '127.0.0.1' },
    });
    if (statusCode !== 200) throw new Error(`${path}: ${statusCode} ${body.slice(0, 300)}`);
    t.ok(rawPayload.length <= BOUNDS.bytes, `${path}: ${rawPayload.length} bytes`);
    return JSON.parse(body);
  };
};
const [ours, theirs] = [await readerOf(clickhouse), await readerOf(opened.store)];
const idsOf = async (query: string): Promise<number[]> =>
  (await theirs(`/v1/query/events?limit=500&${query}`)).events.map(({ id }) => id);

t.test('an incident keeps the same events and chunks', async (t) => {
  const incidents = [
    ...(await idsOf('session=overlap&type=error')),
    ...(await idsOf('type=bug_report')),
    ...(await idsOf('session=fat&type=error')).slice(0, 2),
  ];
  t.equal(incidents.length, 6);
  let stripped = 0;
  for (const id of incidents) {
    const [one, other] = [await ours(`/v1/incidents/${id}`), await theirs(`/v1/incidents/${id}`)];
    t.ok(one.truncated && one.breadcrumbs.length > 2);
    t.same(one, other, `incident ${id}`);
    const own = one.breadcrumbs.find((crumb) => crumb.id === id);
    if (own?.truncated && !one.event.truncated) stripped++;
  }
  t.equal(stripped, 1, 'one has no room a second time');
});

t.test('pages of events, of occurrences and of a manifest lead to the same rows', async (t) => {
  const { groups } = await theirs('/v1/query/errors?limit=500');
  const group = groups.find(({ name }) => name === 'Fat')?.group;
  for (const path of [
    '/v1/query/events?session=fat&limit=500&',
    `/v1/query/occurrences?group=${group}&limit=500&`,
    '/v1/sessions/fat/replay?',
  ]) {
    const found: unknown[][] = [[], []];
    for (const [at, read] of [ours, theirs].entries()) {
      for (let cursor: string | undefined = ''; cursor !== undefined; ) {
        const page: Answer = await read(cursor ? `${path}cursor=${cursor}` : path);
        found[at]?.push(...(page.events ?? page.chunks));
        cursor = page.next_cursor;
      }
    }
    t.ok(found[0]?.length);
    t.same(found[0], found[1], path);
  }
});

t.test('days that an answer has no room for are said to be missing', async (t) => {
  for (const path of ['/v1/query/activity?user=daily', '/v1/query/aggregates'])
    t.same(await ours(path), await theirs(path), path);
  const { groups, truncated } = await ours('/v1/query/errors?limit=500');
  t.equal(truncated, true);
  const [daily, old] = ['daily', 'old'].map((name) => groups.find((group) => group.name === name));
  t.equal(daily?.truncated, true);
  t.match(old, { by_day: [], truncated: true });
  t.notOk(groups.find(({ name }) => name === 'order 7 was not found')?.truncated);
});

t.test('the tail is bounded: a feed has no huge props, an export has every event whole', async (t) => {
  const [huge = 0] = await idsOf('type=bug_report');
  t.match((await clickhouse.tail(huge - 1, 1)).events, [{ id: huge, truncated: true, props: undefined }]);
  const [whole] = (await clickhouse.exportTail(huge - 1, 1)).events;
  t.equal(whole?.truncated, undefined);
  t.ok(Buffer.byteLength(whole?.props ?? '') > BOUNDS.propsBytes);
  const ids: number[] = [];
  const all = (await clickhouse.exportTail(0, 100_000)).events.map(({ id }) => id);
  const { head } = await clickhouse.tail(0, 1);
  for (let after = 0; after < head; ) {
    const page = await clickhouse.tail(after, 5_000);
    const bytes = page.events.reduce((sum, { props }) => sum + Buffer.byteLength(props ?? ''), 0);
    t.ok(bytes < TAIL_TEXT_MAX + BOUNDS.propsBytes, `${bytes} bytes`);
    ids.push(...page.events.map(({ id }) => id));
    after = page.next;
  }
  t.same(ids, all);
});
