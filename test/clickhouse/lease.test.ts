/** Collectors' numbers: of many that start at once, no two keep the same one, however their statements interleave. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import t from 'tap';
import type { Engine, Params } from '../../src/clickhouse/connect.js';
import { NODES } from '../../src/clickhouse/ids.js';
import { takeNode } from '../../src/clickhouse/lease.js';
import { DAY_MS } from '../../src/domain/limits.js';
import { createRandom } from '../model/random.js';

const MINUTE_MS = 60_000;

/** An engine of one table with a clock of its own, whose statements take a random while to get there and back. */
function fakeEngine(seed: number) {
  const clock = { now: Date.UTC(2026, 10, 24, 12) };
  const random = createRandom(seed);
  const rows: { node: number; token: string; at: number }[] = [];
  const pause = async () => {
    for (let turns = random.between(0, 5); turns > 0; turns--) await nextTurn();
  };
  const engine = {
    async command(_: string, { node, token }: Params) {
      await pause();
      rows.push({ node: Number(node), token: String(token), at: clock.now });
      await pause();
    },
    async query(_: string, { lease }: Params) {
      await pause();
      const found = rows
        .filter(({ at }) => at > clock.now - Number(lease))
        .map(({ node, token }) => ({ node, token }));
      await pause();
      return found;
    },
  };
  return { engine: engine as unknown as Engine, rows, clock };
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
  const { engine, rows, clock } = fakeEngine(1);
  for (let node = 0; node < NODES; node++) rows.push({ node, token: `collector ${node}`, at: clock.now });
  await t.rejects(takeNode(engine), { name: 'StoreUnusable' });
  for (const row of rows) if (row.node === 17) row.at -= 3_600_000;
  const lease = await takeNode(engine);
  t.equal(lease.node(), 17);
  lease.end();
});

t.test('a collector whose clock is off holds its number as long as any other', async (t) => {
  t.teardown(() => Object.assign(Date, { now }));
  const now = Date.now;
  for (const off of [400 * DAY_MS, -3_600_000]) {
    const { engine, rows, clock } = fakeEngine(2);
    for (let node = 0; node < NODES; node++)
      if (node !== 17) rows.push({ node, token: `collector ${node}`, at: clock.now + 20 * MINUTE_MS });
    Object.assign(Date, { now: () => now() + off });
    const lease = await takeNode(engine);
    Object.assign(Date, { now });
    clock.now += 9 * MINUTE_MS;
    await t.rejects(takeNode(engine), 'within the lease it is nobody else’s');
    clock.now += 2 * MINUTE_MS;
    const next = await takeNode(engine);
    t.same([lease.node(), next.node()], [17, 17]);
    for (const one of [lease, next]) one.end();
  }
});

t.test('a clock that is set back, or a machine that slept, makes no lease longer', async (t) => {
  const { now } = Date;
  const steady = performance.now.bind(performance);
  t.teardown(() => Object.assign(Date, { now }) && Object.assign(performance, { now: steady }));
  const lease = await takeNode(fakeEngine(3).engine);
  Object.assign(Date, { now: () => now() - DAY_MS });
  t.ok(lease.holds());
  Object.assign(performance, { now: () => steady() + 6 * MINUTE_MS });
  t.notOk(lease.holds());
  Object.assign(performance, { now: steady });
  Object.assign(Date, { now: () => now() + 6 * MINUTE_MS });
  t.notOk(lease.holds());
  lease.end();
});
