/** The random histories: a seed always makes the same one, and an error names all that finds a wrong answer again. */
import t from 'tap';
import type { Found } from '../../src/questions/index.js';
import { firstDifference } from './difference.js';
import { makeHistory } from './history.js';
import { createModel, type Model } from './model.js';
import { createRandom } from './random.js';
import { runSeed } from './run.js';

t.test('the same seed makes the same numbers and the same history', async (t) => {
  const numbers = (seed: number): number[] => {
    const random = createRandom(seed);
    return Array.from({ length: 8 }, () => random.below(1_000_000));
  };
  t.strictSame(numbers(7), numbers(7));
  t.notSame(numbers(7), numbers(8));
  t.equal(firstDifference(makeHistory(11), makeHistory(11)), undefined);
  t.not(firstDifference(makeHistory(11), makeHistory(12)), undefined);
});

t.test('a history finds nothing to say of a store that is right', async () => {
  const models = new Map<string, Model>();
  const open = async (dataDir: string): Promise<Model> => {
    const model = models.get(dataDir) ?? createModel();
    models.set(dataDir, model);
    model.restart();
    return model;
  };
  for (let seed = 1; seed <= 20; seed++) await runSeed(seed, { medium: 'port', open, fencesAtOnce: false });
});

t.test('the error of a wrong answer names the seed, the step, the question and the place', async (t) => {
  const model = createModel();
  const open = async (): Promise<Model> => {
    model.restart();
    return {
      ...model,
      async ask(kind, ask) {
        const found = await model.ask(kind, ask);
        if ('users' in Object(found)) (found as Found<'users'>).users.reverse();
        return found;
      },
    };
  };
  const error = await runSeed(1, { medium: 'port', open, fencesAtOnce: false }).then(
    () => undefined,
    (reason: Error) => reason,
  );
  t.match(error?.message, /^seed 1, step \d+ of \d+ \(ask\): answer\.users\[\d+\]/);
  t.match(error?.message, 'question: {"ask":"users"');
  t.match(error?.message, 'SPYGLASS_SEED=1');
});
