/** What may fail between a client and ClickHouse, made to fail under load: nothing acknowledged is lost or there twice. */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { Config } from '../../../src/config/config.js';
import { startChdb } from '../../support/clickhouse/chdb.js';
import { type Cluster, startCluster } from '../../support/clickhouse/cluster.js';
import { spawnCollector } from '../../support/collector.js';
import { ask } from '../../support/http.js';
import { startLoad } from '../../support/load.js';
import { openStream } from '../../support/sse.js';
import { faults, more, STEPS } from './exactly-once.js';

const CLIENTS = 6;
const CYCLES = 4;
/** Batches acknowledged between two kills. */
const BATCHES = 3 * CLIENTS;
/** A hang is a failure; a slow machine is not. */
t.setTimeout(600_000);

let cluster: Cluster;
t.before(async () => {
  cluster = await startCluster();
});
t.teardown(() => cluster.close());

const storeOn = (
  engine: { url: string; urls?: readonly string[]; cluster?: string },
  database: string,
): Config['store'] => ({
  engine: 'clickhouse',
  url: (engine.urls ?? [engine.url]).join(','),
  database,
  ...(engine.cluster === undefined ? {} : { cluster: engine.cluster }),
});

t.test(`a shard is killed and started again ${CYCLES} times under load`, async (t) => {
  const collector = await spawnCollector({ store: storeOn(cluster, 'shards') });
  t.teardown(() => collector.close());
  const load = startLoad(() => collector.url, CLIENTS, STEPS);
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    await more(load, BATCHES);
    const shard = cycle % 2;
    await cluster.kill(shard);
    await sleep(300);
    const read = await ask(collector.url, '/v1/query/aggregates');
    t.ok(
      read.status >= 500,
      `without a shard no answer is given, not half of one: ${read.status} ${read.text}`,
    );
    await cluster.restart(shard);
  }
  await more(load, BATCHES);
  await load.finish();
  t.ok(load.retries >= CYCLES, `${load.retries} times a batch was sent again`);
  t.same(await faults(collector.url, load), []);
  const shares = await Promise.all(
    [0, 1].map((shard) => cluster.ask(shard, 'SELECT count() FROM shards.events_local')),
  );
  t.ok(
    shares.every((count) => Number(count) > 0),
    `both shards hold events: ${shares}`,
  );
});

t.test(
  'of two collectors on one cluster one is killed under load, and clients carry on through the other',
  async (t) => {
    const store = storeOn(cluster, 'pair');
    const pair = [await spawnCollector({ store }), await spawnCollector({ store })] as const;
    t.teardown(() => Promise.all(pair.map((one) => one.close())));
    const stream = await openStream(pair[1].url, '/v1/stream?after=0');
    t.teardown(() => stream.close());
    let tries = 0;
    // As a load balancer would: a retry goes to the other one.
    const load = startLoad(() => pair[tries++ % 2 === 0 ? 0 : 1].url, CLIENTS, STEPS);
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      await more(load, BATCHES);
      await pair[0].kill();
      const before = load.acknowledged.length;
      await more(load, BATCHES);
      t.ok(load.acknowledged.length > before, 'the other one takes what comes');
      await pair[0].restart();
    }
    await load.finish();
    t.ok(load.retries >= CYCLES, `${load.retries} times a batch was sent again`);
    for (const one of pair) t.same(await faults(one.url, load), []);

    // Through a collector that was not killed, every event that either took came down the stream, once.
    const sent = load.acknowledged.flat();
    const names = () =>
      stream.frames.flatMap(({ data }) =>
        data === undefined ? [] : [(JSON.parse(data) as { name: string }).name],
      );
    for (let waited = 0; waited < 30_000 && names().length < sent.length; waited += 100) await sleep(100);
    t.same(names().toSorted(), sent.toSorted());
  },
);

t.test('the engine of today is killed and started again under load', async (t) => {
  const chdb = await startChdb();
  t.teardown(() => chdb.close());
  const collector = await spawnCollector({ store: storeOn(chdb, 'alone') });
  t.teardown(() => collector.close());
  const load = startLoad(() => collector.url, CLIENTS, STEPS);
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    await more(load, BATCHES);
    await chdb.kill();
    await sleep(300);
    const refused = await collector.send([{ user_id: 'u', session_id: 's', type: 'event', name: 'x' }], {
      batch_id: `refused-${cycle}`,
    });
    t.equal(refused.status, 503, 'without its engine a collector takes nothing');
    t.ok(Number(refused.headers.get('retry-after')) > 0, 'and says when to come again');
    await chdb.restart();
  }
  await more(load, BATCHES);
  await load.finish();
  t.same(await faults(collector.url, load), []);
});
