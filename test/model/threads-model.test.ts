/** The store as a collector runs it, on a writer's and readers' threads: the same answers as the model's. */
import t from 'tap';
import { threaded } from './embedded.js';
import { runSeed } from './run.js';
import { seedsFor } from './seeds.js';

t.test('a store on threads of its own answers as the model does', async () => {
  for (const seed of seedsFor(3)) await runSeed(seed, threaded);
});
