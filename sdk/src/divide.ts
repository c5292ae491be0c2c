/** What becomes of a batch that the collector refuses for what is in it. */
import type { Batch } from './queue.js';

export interface Division {
  /** How many events are given up. */
  refused: number;
  /** What goes on, as batches of their own. */
  parts: string[][];
}

/**
 * A 400 names events by their place (`events[3].name`): they are given up, the rest goes on. One that names none, and a
 * 413, leave it to halving to find out; an event alone is given up.
 */
export async function divide({ events }: Batch, response: Response): Promise<Division> {
  // What a proxy answers in the collector's place may be any JSON, or none.
  const problem: { errors?: unknown } | null = await response.json().catch(() => null);
  const errors: ({ path?: string } | null)[] = Array.isArray(problem?.errors) ? problem.errors : [];
  const bad = new Set(errors.map((error) => /^events\[(\d+)/.exec(error?.path ?? '')?.[1]));
  const good = events.filter((_event, place) => !bad.has(String(place)));
  const refused = events.length - good.length;
  if (refused > 0) return { refused, parts: good.length > 0 ? [good] : [] };
  if (events.length === 1) return { refused: 1, parts: [] };
  const half = events.length >> 1;
  return { refused: 0, parts: [events.slice(0, half), events.slice(half)] };
}
