/** Random histories over real HTTP: a whole collector answers as the model says, restarts and sweeps included. */
import t from 'tap';
import { startCollector, type TestCollector } from '../support/collector.js';
import { apps } from '../support/http.js';
import { brief, firstDifference } from './difference.js';
import { makeHistory, type Step } from './history.js';
import { createModel, type Model } from './model.js';
import type { Question } from './questions.js';
import { seedsFor } from './seeds.js';
import { askOnWire, expectedOnWire, sendBatch, sendChunk } from './wire.js';
import { APPS } from './world.js';

async function askBoth(collector: TestCollector, model: Model, question: Question): Promise<void> {
  const got = await askOnWire(collector.url, question);
  if (got === undefined) return;
  const expected = await expectedOnWire(model, question);
  const difference = firstDifference(expected, got);
  if (difference === undefined) return;
  throw new Error(
    [difference, `question: ${brief(question)}`, `expected: ${brief(expected)}`, `got: ${brief(got)}`].join(
      '\n',
    ),
  );
}

async function takeStep(collector: TestCollector, model: Model, step: Step): Promise<void> {
  switch (step.do) {
    case 'append':
      for (const batch of step.calls.flat()) {
        await model.append([batch]);
        await sendBatch(collector.url, batch);
      }
      return;
    case 'putChunk':
      await model.putChunk(step.chunk);
      return sendChunk(collector.url, step.chunk);
    case 'sweep':
      // A collector sweeps by its own clock; the history sweeps its store by the history's.
      await model.sweep(step.cutoffs);
      await collector.store.sweep(step.cutoffs);
      for (const after of step.amid) await takeStep(collector, model, after);
      return;
    case 'restart':
      return collector.restart();
    case 'ask':
      await Promise.all(step.questions.map((question) => askBoth(collector, model, question)));
      return;
    case 'verify':
      return;
  }
}

async function liveSeed(seed: number): Promise<void> {
  const collector = await startCollector({
    apps: apps(...APPS),
    // Histories know no limit on a body: long ones send thousands of events at once.
    limits: { body_bytes: 30 * 1_048_576 },
  });
  const model = createModel();
  try {
    const steps = makeHistory(seed, 'http');
    for (const [index, step] of steps.entries()) {
      await takeStep(collector, model, step).catch((error: Error) => {
        throw new Error(`seed ${seed}, step ${index} of ${steps.length} (${step.do}): ${error.message}`, {
          cause: error,
        });
      });
    }
  } finally {
    await collector.close();
  }
}

for (const seed of seedsFor(4)) {
  t.test(`a collector answers over HTTP as the model does: seed ${seed}`, () => liveSeed(seed));
}
