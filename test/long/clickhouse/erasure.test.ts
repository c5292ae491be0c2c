/** An erasure that was cut off is taken up by another collector, and its receipt says what the engine still keeps. */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { type ClickhouseStore, openClickhouseStore } from '../../../src/clickhouse/store.js';
import { type Chdb, startChdb } from '../../support/clickhouse/chdb.js';
import { type Cluster, startCluster } from '../../support/clickhouse/cluster.js';

/** The engine's clock has whole seconds. */
const FREE_MS = 2_000;
const NOW = Date.now();
t.setTimeout(300_000);

let chdb: Chdb;
let cluster: Cluster;
t.before(async () => {
  [chdb, cluster] = await Promise.all([startChdb(), startCluster()]);
});
t.teardown(() => Promise.all([chdb.close(), cluster.close()]));

const open = (place: { url: string; cluster?: string }) =>
  openClickhouseStore({ ...place, database: 'erasures', trailMs: 0, erasureFreeMs: FREE_MS });

async function fill(store: ClickhouseStore): Promise<void> {
  const events = ['alice', 'bob'].flatMap((user_id) =>
    [1, 2, 3].map((n) => ({
      ...{ ts: NOW - n * 1_000, user_id, session_id: `s-${user_id}` },
      ...{ type: 'event' as const, name: `of ${user_id}` },
    })),
  );
  await store.append([{ app: 'inventory', batchId: 'both', receivedAt: NOW, events }]);
  const chunk = { app: 'inventory', session: 's-alice', seq: 1, receivedAt: NOW, bytes: Buffer.from('x') };
  await store.putChunk(chunk);
}

const rowsOf = async ({ engine }: ClickhouseStore, table: string): Promise<number> => {
  const [row] = await engine.query<{ rows: number }>(`SELECT count() AS rows FROM ${table}`);
  return row?.rows ?? 0;
};

const usersOf = async (store: ClickhouseStore): Promise<string[]> =>
  (await store.ask('users', { limit: 10 })).users.map(({ user_id }) => user_id).sort();

t.test('on the engine of today: the receipt says until when files are kept', async (t) => {
  const store = await open({ url: chdb.url });
  t.teardown(() => store.close());
  await fill(store);
  const { goneFromDiskAt = 0, ...receipt } = await store.erase({ user: 'alice' });
  t.match(receipt, { events: 3, sessions: 1, chunks: 1 });
  t.ok(goneFromDiskAt > Date.now(), 'it keeps replaced files for a while');
  t.same(await usersOf(store), ['bob']);
  t.equal(await rowsOf(store, 'erasures'), 0, 'nothing is left of the request');
  t.equal((await store.erase({ user: 'nobody' })).goneFromDiskAt, undefined, 'of nobody nothing is kept');
});

t.test('on a cluster: one that was cut off is done by another collector', async (t) => {
  const place = { url: cluster.urls.join(','), cluster: cluster.cluster };
  const first = await open(place);
  t.teardown(() => first.close());
  await fill(first);
  cluster.lose((sql) => /^\s*ALTER TABLE erasures\.(sessions|users)/i.test(sql));
  await t.rejects(first.erase({ user: 'alice', app: 'inventory' }));
  cluster.lose(() => false);
  t.same(await usersOf(first), ['alice', 'bob'], 'it was cut off half-way');
  t.ok((await rowsOf(first, 'erasures')) > 0, 'the request is kept');

  const second = await open(place);
  t.teardown(() => second.close());
  t.equal(await second.resumeErasures(), 0, 'it may still be under way');
  await sleep(FREE_MS + 1_500);
  const resumed = await Promise.all([first.resumeErasures(), second.resumeErasures()]);
  t.ok(resumed[0] + resumed[1] >= 1, `taken up: ${resumed}`);
  for (const store of [first, second]) t.same(await usersOf(store), ['bob']);
  t.equal(await rowsOf(first, 'chunks'), 0);
  t.equal(await rowsOf(first, 'erasures'), 0);
  t.equal(await second.resumeErasures(), 0);
  const keptMs = ((await first.erase({ user: 'bob' })).goneFromDiskAt ?? 0) - Date.now();
  t.ok(keptMs > 480_000, `by default it keeps replaced files for 480 s: ${keptMs} ms`);
});
