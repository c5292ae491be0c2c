/**
 * The funnel as a pass over postings: for each step and user, the least `(ts, id)` of the step's name after
 * the user's previous step. Postings may come in any order, and the cost is the number of events with a
 * step's name.
 */
import { EVENT_TYPES } from '../../domain/event.js';
import { DAY_MS } from '../../domain/limits.js';
import { dayOf } from '../../domain/utc.js';
import type { Names, Postings } from '../../projections/names.js';
import type { CountQuery } from './scope.js';

const HIGH = 2 ** 32;

/** By user number: the `(ts, id)` of the reached step; a `ts` of Infinity means not reached. */
interface Reached {
  ts: Float64Array;
  ids: Float64Array;
}

const newReached = (users: number): Reached => ({
  ts: new Float64Array(users).fill(Number.POSITIVE_INFINITY),
  ids: new Float64Array(users),
});

export interface FunnelQuery extends CountQuery {
  /** Name numbers; `undefined` for an unknown name. */
  steps: readonly (number | undefined)[];
}

/** How many users reached each step. */
export function countFunnel(names: Names, query: FunnelQuery): number[] {
  const counts: number[] = query.steps.map(() => 0);
  let before: Reached | undefined;
  for (const [index, name] of query.steps.entries()) {
    if (name === undefined) break;
    const reached = newReached(query.users);
    advance(names, query, name, before, reached);
    const count = countReached(reached);
    counts[index] = count;
    if (count === 0) break;
    before = reached;
  }
  return counts;
}

function advance(
  names: Names,
  query: FunnelQuery,
  name: number,
  before: Reached | undefined,
  reached: Reached,
): void {
  for (const app of query.apps) {
    for (let type = 0; type < EVENT_TYPES.length; type++) {
      for (const { day, postings } of names.postings(app, type, name, dayOf(query.from), dayOf(query.to))) {
        query.checkTime();
        readBlock(postings, day * DAY_MS, query, before, reached);
      }
    }
  }
}

function readBlock(
  { length, times, users, idsLow, idsHigh }: Postings,
  midnight: number,
  { from, to }: FunnelQuery,
  before: Reached | undefined,
  { ts: bestTs, ids: bestIds }: Reached,
): void {
  for (let i = 0; i < length; i++) {
    const ts = midnight + (times[i] as number);
    if (ts < from || ts > to) continue;
    const user = users[i] as number;
    const best = bestTs[user] as number;
    if (ts > best) continue;
    const id = (idsHigh[i] as number) * HIGH + (idsLow[i] as number);
    if (ts === best && id > (bestIds[user] as number)) continue;
    if (before) {
      const previous = before.ts[user] as number;
      if (ts < previous || (ts === previous && id <= (before.ids[user] as number))) continue;
    }
    bestTs[user] = ts;
    bestIds[user] = id;
  }
}

function countReached({ ts }: Reached): number {
  let count = 0;
  for (let user = 0; user < ts.length; user++) {
    if (ts[user] !== Number.POSITIVE_INFINITY) count++;
  }
  return count;
}
