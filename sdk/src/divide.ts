/** What becomes of a batch that the collector refuses. */
import type { DeliveryDeps } from './delivery.js';
import type { Batch, Queue } from './queue.js';

/** Those whose page was warned: once is enough. */
const warned = new WeakSet<Queue>();

/** Gives up the events of a batch that are refused for good; the others go on as batches of their own. */
export async function refuse({ queue, drop }: DeliveryDeps, batch: Batch, response: Response): Promise<void> {
  const parts = await divide(batch, response);
  const refused = batch.events.length - parts.flat().length;
  if (!queue.settle(batch, parts) || !refused) return;
  drop(refused);
  if (!warned.has(queue)) console.warn(`spyglass: events refused (${response.status})`);
  warned.add(queue);
}

/**
 * The parts that go on. A 400 names events by their place (`events[3].name`): they are given up, the rest goes on. One that
 * names none, and a 413, leave it to halving to find out; an event alone is given up. No part of it goes on where the app
 * or the key is refused.
 */
async function divide({ events }: Batch, response: Response): Promise<string[][]> {
  if (response.status === 401 || response.status === 403) return [];
  // What a proxy answers in the collector's place may be any JSON, or none.
  const problem: { errors?: unknown } | null = await response.json().catch(() => null);
  const errors: ({ path?: string } | null)[] = Array.isArray(problem?.errors) ? problem.errors : [];
  const bad = new Set(errors.map((error) => /^events\[(\d+)/.exec(error?.path ?? '')?.[1]));
  const good = events.filter((_event, place) => !bad.has(String(place)));
  if (good.length < events.length) return good.length > 0 ? [good] : [];
  const half = events.length >> 1;
  return half ? [events.slice(0, half), events.slice(half)] : [];
}
