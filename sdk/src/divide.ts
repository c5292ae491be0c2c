/** Refusals: whose they are, and what becomes of a batch that the collector refuses. */
import type { DeliveryDeps } from './delivery.js';
import type { Batch, Queue } from './queue.js';

interface Problem {
  /** What a 400 finds wrong: `events[3].name`. */
  errors?: { path: string }[];
}

/** What the collector says; undefined where somebody in between answers, who knows nothing of what was sent. */
export async function problemOf(response: Response): Promise<Problem | undefined> {
  // Nobody waits for a page of HTML to arrive.
  if (!/^application\/problem\+json/.test(`${response.headers.get('Content-Type')}`)) return undefined;
  const problem = await response.json().catch(() => undefined);
  return /^urn:spyglass:problem:/.test(problem?.type) ? problem : undefined;
}

/** Those whose page was warned: once is enough. */
const warned = new WeakSet<Queue>();

/** Gives up the events of a batch that are refused for good; the others go on as batches of their own. False if nothing is. */
export async function refuse(
  { queue, drop }: DeliveryDeps,
  batch: Batch,
  response: Response,
): Promise<boolean> {
  const problem = await problemOf(response);
  if (!problem) return false;
  const parts = divide(batch, response.status, problem);
  const kept = new Set(parts.flat());
  const refused = batch.events.filter((event) => !kept.has(event));
  if (queue.settle(batch, parts) && refused.length > 0) {
    drop(refused);
    if (!warned.has(queue)) console.warn(`spyglass: events refused (${response.status})`);
    warned.add(queue);
  }
  return true;
}

/**
 * The parts that go on. A 400 names events by their place (`events[3].name`): they are given up, the rest goes on. One that
 * names none, and a 413, leave it to halving to find out; an event alone is given up. No part of it goes on where the app
 * or the key is refused.
 */
function divide({ events }: Batch, status: number, { errors = [] }: Problem): string[][] {
  if (status === 401 || status === 403) return [];
  const bad = new Set(errors.map(({ path }) => /^events\[(\d+)/.exec(path)?.[1]));
  const good = events.filter((_event, place) => !bad.has(String(place)));
  if (good.length < events.length) return good.length > 0 ? [good] : [];
  const half = events.length >> 1;
  return half ? [events.slice(0, half), events.slice(half)] : [];
}
