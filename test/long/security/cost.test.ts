/** Fuzzing by cost: `SPYGLASS_COST_SEEDS=2000` tries more, `SPYGLASS_COST_FROM=7` begins elsewhere. Prints the most expensive of each. */
import t from 'tap';
import { type Cost, costOf, tooExpensive } from '../../security/cost.js';
import { CRAFTED, SEARCHED, WITH_KEY, WITHOUT_KEY } from '../../security/hostile-bodies.js';
import { hostileRequests } from '../../security/hostile-requests.js';

const SEEDS = Number(process.env.SPYGLASS_COST_SEEDS ?? 150);
const FROM = Number(process.env.SPYGLASS_COST_FROM ?? 1);

const textOf = ({ label, cpuUs, heldBytes }: Cost): string =>
  `${Math.round(cpuUs / 1_000)} ms, ${Math.round(heldBytes / 1_024)} KiB held, ${label}`;

const requests = await hostileRequests();
t.teardown(requests.close);

for (const subject of [WITH_KEY, WITHOUT_KEY, CRAFTED, SEARCHED, requests.queries, requests.chunks]) {
  t.test(subject.name, async (t) => {
    const costs: Cost[] = [];
    for (let index = 0; index < SEEDS; index++) costs.push(await costOf(subject, FROM + index));
    for (const figure of ['cpuTimes', 'memoryTimes'] as const) {
      const worst = costs.sort((a, b) => b[figure] - a[figure]).slice(0, 5);
      for (const cost of worst) t.comment(`${cost[figure].toFixed(1)} × ${textOf(cost)}`);
      const seeds = worst.map(({ label }) => Number(/^seed (\d+)/.exec(label)?.[1]));
      t.same(await tooExpensive(subject, seeds), [], figure);
    }
  });
}
