/** Makes a failing history as small as it gets, for a person to read. */
import type { Step } from './history.js';
import { runHistory, type Subject } from './run.js';

/** The reason the steps fail, or undefined when they do not. */
async function failureOf(steps: readonly Step[], subject: Subject): Promise<string | undefined> {
  return runHistory(steps, subject).then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

/**
 * Drops as many items as it can while the rest still fails: first halves, then quarters, down to single items
 * (the removal half of Zeller and Hildebrandt's ddmin).
 */
async function dropAll<T>(items: readonly T[], fails: (items: T[]) => Promise<boolean>): Promise<T[]> {
  let left = [...items];
  for (let size = Math.ceil(left.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < left.length; ) {
      const without = [...left.slice(0, at), ...left.slice(at + size)];
      if (await fails(without)) left = without;
      else at += size;
    }
  }
  return left;
}

/** The step with fewer parts, as `dropAll` finds them; steps without parts stay as they are. */
async function shrinkStep(step: Step, fails: (step: Step) => Promise<boolean>): Promise<Step> {
  if (step.do === 'ask') {
    const questions = await dropAll(step.questions, (left) => fails({ do: 'ask', questions: left }));
    return { do: 'ask', questions };
  }
  if (step.do !== 'append') return step;
  let calls = await dropAll(step.calls, (left) => fails({ do: 'append', calls: left }));
  for (const [call, batches] of calls.entries()) {
    let kept = await dropAll(batches, (left) => fails({ do: 'append', calls: calls.with(call, left) }));
    calls = calls.with(call, kept);
    for (const [index, batch] of kept.entries()) {
      const withEvents = (events: typeof batch.events): Step & { do: 'append' } => ({
        do: 'append',
        calls: calls.with(call, kept.with(index, { ...batch, events })),
      });
      const events = await dropAll(batch.events, (left) => fails(withEvents(left)));
      calls = withEvents(events).calls;
      kept = calls[call] ?? kept;
    }
  }
  return { do: 'append', calls };
}

export async function shrink(steps: readonly Step[], subject: Subject): Promise<Step[]> {
  let left = await dropAll(steps, async (some) => (await failureOf(some, subject)) !== undefined);
  for (const index of left.keys()) {
    const step = left[index];
    if (step === undefined) continue;
    const fails = async (smaller: Step): Promise<boolean> =>
      (await failureOf(left.with(index, smaller), subject)) !== undefined;
    left = left.with(index, await shrinkStep(step, fails));
  }
  return left;
}
