/** Random histories on ClickHouse: the answers of the model, on the engine of today and on a cluster of two shards. */
import t from 'tap';
import { clickhouse } from '../../model/clickhouse.js';
import { runSeed } from '../../model/run.js';
import { seedsFor } from '../../model/seeds.js';
import { type Chdb, startChdb } from '../../support/clickhouse/chdb.js';
import { type Cluster, startCluster } from '../../support/clickhouse/cluster.js';

/** `SPYGLASS_SEEDS` asks for more. */
const SEEDS = 10;
/** A hang is a failure; a slow machine is not. */
t.setTimeout(900_000);

let chdb: Chdb;
let cluster: Cluster;
t.before(async () => {
  [chdb, cluster] = await Promise.all([startChdb(), startCluster()]);
});
t.teardown(() => Promise.all([chdb.close(), cluster.close()]));

t.test('ClickHouse of today answers as the model does', async () => {
  for (const seed of seedsFor(SEEDS)) await runSeed(seed, clickhouse({ url: chdb.url }));
});

t.test('so does a cluster of two shards', async () => {
  const subject = clickhouse({ url: cluster.urls.join(','), cluster: cluster.cluster });
  for (const seed of seedsFor(SEEDS)) await runSeed(seed, subject);
});
