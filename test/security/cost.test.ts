/** Input that is cheap to send is not expensive to take: the most expensive that the fuzzing by cost found, kept. */
import t from 'tap';
import { costOf, TIMES_MAX, tooExpensive } from './cost.js';
import { CRAFTED, SEARCHED, WITH_KEY, WITHOUT_KEY } from './hostile-bodies.js';

/** `test/long/security/cost.test.ts` says which seeds are most expensive. */
const KEPT = [
  { subject: WITH_KEY, seeds: [6, 8, 21] },
  { subject: WITHOUT_KEY, seeds: [3, 41, 54] },
  { subject: CRAFTED, seeds: [39, 43, 53] },
  { subject: SEARCHED, seeds: [11, 31, 76] },
];

for (const { subject, seeds } of KEPT) {
  t.test(subject.name, async (t) => {
    t.same(await tooExpensive(subject, seeds), []);
  });
}

t.test('the measure can tell', async (t) => {
  const idle = { label: 'spins', bytes: 1_000, work: () => spin(200) };
  const { cpuTimes } = await costOf({ ...WITH_KEY, hostile: () => idle }, 1);
  t.ok(cpuTimes > TIMES_MAX, `${cpuTimes}`);
});

function spin(ms: number): number {
  const { user } = process.cpuUsage();
  let rounds = 0;
  while (process.cpuUsage().user - user < ms * 1_000) rounds++;
  return rounds;
}
