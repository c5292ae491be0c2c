/** A collector that lives on holds no more and no more: the two-minute form of `npm run soak`, and that it can fail. */
import t from 'tap';
import { growth, type Sample, soak } from '../soak/soak.js';

t.setTimeout(900_000);
const report = (samples: readonly Sample[]) => JSON.stringify([samples.at(10), samples.at(-1)]);

t.test('memory and disk level off', async (t) => {
  const samples = await soak({ minutes: 2 });
  t.same(growth(samples), [], report(samples));
});

t.test('one that keeps a little of its memory each day is found out', async (t) => {
  const samples = await soak({ minutes: 0, leak: 'memory' });
  t.match(growth(samples), [/^memoryBytes/], report(samples));
});

t.test('one that does not sweep is found out', async (t) => {
  const samples = await soak({ minutes: 0, leak: 'disk' });
  t.match(growth(samples), [/diskBytes/], report(samples));
});
