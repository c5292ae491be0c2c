/** Collectors' numbers: of many that start at once, no two keep the same one, however their statements interleave. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import t from 'tap';
import type { Engine } from '../../src/clickhouse/connect.js';
import { NODES } from '../../src/clickhouse/ids.js';
import { takeNode } from '../../src/clickhouse/lease.js';
import { createRandom } from '../model/random.js';

/** An engine of one table, whose statements take a random while to get there and back. */
function fakeEngine(seed: number) {
  const random = createRandom(seed);
  const rows: { node: number; token: string; at: number }[] = [];
  const pause = async () => {
    for (let turns = random.between(0, 5); turns > 0; turns--) await nextTurn();
  };
  const engine = {
    async insert(_: string, inserted: readonly object[]) {
      await pause();
      rows.push(...(inserted as typeof rows));
      await pause();
    },
    async query(_: string, { since }: { since: number }) {
      await pause();
      const found = rows.filter(({ at }) => at > since).map(({ node, token }) => ({ node, token }));
      await pause();
      return found;
    },
  };
  return { engine: engine as unknown as Engine, rows };
}

t.test('each of thirty that start at once has a number of its own', async (t) => {
  for (let seed = 1; seed <= 20; seed++) {
    const { engine } = fakeEngine(seed);
    const leases = await Promise.all(Array.from({ length: 30 }, () => takeNode(engine)));
    t.equal(new Set(leases.map((lease) => lease.node())).size, 30, `seed ${seed}`);
    t.ok(leases.every((lease) => lease.holds()));
    for (const lease of leases) lease.end();
  }
});

t.test('when all are taken the next one says so, and takes one that was not renewed for long', async (t) => {
  const { engine, rows } = fakeEngine(1);
  const at = Date.now();
  for (let node = 0; node < NODES; node++) rows.push({ node, token: `collector ${node}`, at });
  await t.rejects(takeNode(engine), { name: 'StoreUnusable' });
  for (const row of rows) if (row.node === 17) row.at -= 3_600_000;
  const lease = await takeNode(engine);
  t.equal(lease.node(), 17);
  lease.end();
});
