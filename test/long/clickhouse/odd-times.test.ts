/** A batch with times of 130 years: few parts, in bounded inserts, and whole after a retry of one that failed half-way. */
import t, { type Test } from 'tap';
import { type ClickhouseStore, openClickhouseStore } from '../../../src/clickhouse/store.js';
import type { EventRequest } from '../../../src/domain/event.js';
import { DAY_MS } from '../../../src/domain/limits.js';
import { type Chdb, startChdb } from '../../support/clickhouse/chdb.js';
import { type Cluster, startCluster } from '../../support/clickhouse/cluster.js';

const EVENTS = 4_000;
const NOW = Date.UTC(2026, 10, 30);
/** Of all tables on one server: by the events' own months they would be over 7,000. */
const PARTS_MAX = 600;
t.setTimeout(300_000);

let chdb: Chdb;
let cluster: Cluster;
t.before(async () => {
  [chdb, cluster] = await Promise.all([startChdb(), startCluster()]);
});
t.teardown(() => Promise.all([chdb.close(), cluster.close()]));

const batch: EventRequest = {
  app: 'inventory',
  batchId: 'of-all-times',
  receivedAt: NOW,
  events: Array.from({ length: EVENTS }, (_, index) => ({
    ts: 1 + index * 12 * DAY_MS,
    user_id: `user${index % 7}`,
    session_id: 'session',
    type: 'event' as const,
    name: `event${index}`,
  })),
};

const open = (place: { url: string; cluster?: string }) =>
  openClickhouseStore({ ...place, database: 'odd', now: () => NOW, trailMs: 0 });

/** Holds what a store that took the batch answers, before and after a sweep. */
async function holdWhole(t: Test, store: ClickhouseStore): Promise<void> {
  t.same(await store.append([batch]), [{ status: 'fulfilled', value: 'duplicate' }]);
  const [{ value } = { value: 0 }] = await store.engine.query<{ value: number }>(
    'SELECT uniqExact(batch, idx) AS value FROM events',
  );
  t.equal(value, EVENTS);
  const { users } = await store.ask('users', { limit: 100 });
  t.equal(users.length, 7);
  const kept = batch.events.filter(({ ts }) => ts >= NOW - (NOW % DAY_MS)).length;
  const { events } = await store.sweep({ eventsBefore: NOW - (NOW % DAY_MS) });
  t.equal(events, EVENTS - kept, 'retention deletes what is older, whatever partition it is in');
  const page = await store.ask('events', { limit: 500 });
  t.equal(page.events.length, 500);
  const left = await store.engine.query<{ value: number }>(
    'SELECT uniqExact(batch, idx) AS value FROM events',
  );
  t.equal(left[0]?.value, kept);
}

async function partsOf(ask: (sql: string) => Promise<string>): Promise<number> {
  return Number(await ask("SELECT count() FROM system.parts WHERE database = 'odd'"));
}

t.test('on the engine of today', async (t) => {
  const store = await open({ url: chdb.url });
  t.teardown(() => store.close());
  t.same(await store.append([batch]), [{ status: 'fulfilled', value: 'stored' }]);
  const parts = await partsOf(async (sql) => (await fetch(chdb.url, { method: 'POST', body: sql })).text());
  t.ok(parts > 0 && parts <= PARTS_MAX, `${parts} parts`);
  await holdWhole(t, store);
});

t.test('on a cluster that loses an insert half-way', async (t) => {
  const store = await open({ url: cluster.urls.join(','), cluster: cluster.cluster });
  t.teardown(() => store.close());
  let inserts = 0;
  cluster.lose((sql) => /^\s*INSERT INTO events\b/i.test(sql) && ++inserts > 2);
  const [refused] = await store.append([batch]);
  cluster.lose(() => false);
  t.equal(refused?.status, 'rejected');
  const stored = await store.engine.query<{ value: number; newest: number }>(
    'SELECT uniqExact(batch, idx) AS value, max(ts) AS newest FROM events',
  );
  t.ok((stored[0]?.value ?? 0) < EVENTS, `${stored[0]?.value} events are there`);
  t.equal(stored[0]?.newest, batch.events.at(-1)?.ts, 'the newest among them');
  t.same(await store.append([batch]), [{ status: 'fulfilled', value: 'stored' }]);
  for (const shard of [0, 1]) {
    const parts = await partsOf((sql) => cluster.ask(shard, sql));
    t.ok(parts > 0 && parts <= PARTS_MAX, `${parts} parts on shard ${shard}`);
  }
  await holdWhole(t, store);
});
