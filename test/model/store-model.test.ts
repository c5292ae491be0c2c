/** Random histories of the embedded engine: every answer as the model's, every view as a rebuild makes it. */
import t from 'tap';
import { embedded } from './embedded.js';
import { runSeed } from './run.js';
import { seedsFor } from './seeds.js';

const SEEDS_A_TEST = 20;

const seeds = seedsFor(40);
for (let first = 0; first < seeds.length; first += SEEDS_A_TEST) {
  const some = seeds.slice(first, first + SEEDS_A_TEST);
  t.test(`the embedded engine answers as the model does: seeds ${some[0]} to ${some.at(-1)}`, async () => {
    for (const seed of some) await runSeed(seed, embedded);
  });
}
