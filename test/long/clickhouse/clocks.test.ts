/** Two collectors on one engine, one of them 400 days ahead: its sweep deletes nothing that the other would keep. */
import t, { type Test } from 'tap';
import { openClickhouseStore } from '../../../src/clickhouse/store.js';
import { DAY_MS } from '../../../src/domain/limits.js';
import { type Chdb, startChdb } from '../../support/clickhouse/chdb.js';
import { type Cluster, startCluster } from '../../support/clickhouse/cluster.js';

const AHEAD_MS = 400 * DAY_MS;
const DATABASE = { database: 'clocks', trailMs: 0 };
t.setTimeout(300_000);

let chdb: Chdb;
let cluster: Cluster;
t.before(async () => {
  [chdb, cluster] = await Promise.all([startChdb(), startCluster()]);
});
t.teardown(() => Promise.all([chdb.close(), cluster.close()]));

async function holdClocks(t: Test, place: { url: string; cluster?: string }): Promise<void> {
  const right = await openClickhouseStore({ ...place, ...DATABASE });
  const fast = await openClickhouseStore({
    ...place,
    ...DATABASE,
    now: () => Date.now() + AHEAD_MS,
    engineNow: async () => Date.now(),
  });
  t.teardown(() => Promise.all([right.close(), fast.close()]));
  const event = (name: string) => ({
    ...{ app: 'inventory', batchId: name, receivedAt: Date.now() },
    events: [{ ts: Date.now() - DAY_MS, user_id: 'u', session_id: 's', type: 'event' as const, name }],
  });
  await right.append([event('before')]);
  await right.clocks.note();
  const now = Date.now() + AHEAD_MS;
  const midnight = now - (now % DAY_MS);
  const report = await fast.sweep({
    ...{ eventsBefore: midnight - 30 * DAY_MS, replaysBefore: midnight - 30 * DAY_MS, now },
  });
  t.same(report, { events: 0, chunks: 0 });
  t.same(await right.append([event('before')]), [{ status: 'fulfilled', value: 'duplicate' }]);
  await fast.append([event('after')]);
  const { events } = await right.ask('events', { limit: 10 });
  t.same(events.map(({ name }) => name).sort(), ['after', 'before']);
  await fast.noteTime(now);
  const evidence = (await right.timeEvidence(Date.now())) ?? 0;
  t.ok(Math.abs(evidence - Date.now()) < DAY_MS, 'the time that all remember is not its own');
  t.ok(Math.abs(right.clocks.aheadMs()) < 60_000, `by the engine's own clock: ${right.clocks.aheadMs()} ms`);
}

t.test('on the engine of today', (t) => holdClocks(t, { url: chdb.url }));
t.test('on a cluster', (t) => holdClocks(t, { url: cluster.urls.join(','), cluster: cluster.cluster }));
