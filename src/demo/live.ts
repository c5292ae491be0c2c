/** The made-up app in real time: people come, do their jobs at their own pace, and leave. */
import { FAULT_KINDS, type Outage } from './faults.js';
import type { DemoBatch } from './month.js';
import { staff } from './people.js';
import { randomFrom } from './random.js';
import { play } from './scenes.js';
import type { DemoEvent } from './visit.js';

const VISITORS = 12;
/** Spreads the arrivals of new visitors. */
const ARRIVAL_SPREAD_MS = 10_000;
/** Something breaks for a few minutes at regular intervals, so that there is an incident to look at. */
const OUTAGE_EVERY_MS = 15 * 60_000;
const OUTAGE_MS = 4 * 60_000;

export interface Live {
  /** The events up to `now` (Unix ms) that were not returned before, one batch a session. */
  due(now: number): DemoBatch[];
}

/** Begins at `start` (Unix ms); what happens depends on the seed and on `start`. */
export function startLive({ seed, users, start }: { seed: number; users: number; start: number }): Live {
  const random = randomFrom(seed, 'live', start);
  const employees = staff(seed, users);
  let visits: { id: string; sent: number; events: DemoEvent[] }[] = [];

  return {
    due(now) {
      while (visits.length < VISITORS) {
        const at = now + (visits.length === 0 ? 0 : random.int(0, ARRIVAL_SPREAD_MS));
        const { id, events } = play(random.pick(employees), random, at, outagesAround(at, start));
        visits.push({ id, sent: 0, events });
      }
      const batches: DemoBatch[] = [];
      for (const visit of visits) {
        const events = visit.events.filter(({ ts }, index) => index >= visit.sent && ts <= now);
        if (events.length === 0) continue;
        batches.push({ batchId: `live-${visit.id}-${visit.sent}`, arrivesAt: now, events });
        visit.sent += events.length;
      }
      visits = visits.filter(({ sent, events }) => sent < events.length);
      return batches;
    },
  };
}

/** The last outage before a moment and the next one after it. */
function outagesAround(at: number, start: number): Outage[] {
  const round = Math.floor((at - start) / OUTAGE_EVERY_MS);
  return [round, round + 1].map((n) => {
    const from = start + n * OUTAGE_EVERY_MS + OUTAGE_MS;
    return { kind: FAULT_KINDS[n % FAULT_KINDS.length] ?? 'count_date', from, to: from + OUTAGE_MS };
  });
}
