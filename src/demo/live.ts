/** The made-up app in real time: people come, do their jobs at their own pace, and leave. */
import type { Outage } from './faults.js';
import type { DemoBatch } from './month.js';
import { staff } from './people.js';
import { randomFrom } from './random.js';
import { play } from './scenes.js';
import { type DemoEvent, startVisit } from './visit.js';

const VISITORS = 12;
/** New visitors do not all come in the same second. */
const ARRIVAL_SPREAD_MS = 10_000;
/** Every now and then something is broken for a few minutes, so that there is an incident to look at. */
const OUTAGE_EVERY_MS = 15 * 60_000;
const OUTAGE_MS = 4 * 60_000;
const OUTAGE_KINDS = ['invoice_total', 'item_api_down', 'count_date'] as const;

export interface Live {
  /** The events that have happened up to `now` (Unix ms) and were not given before, a batch a session. */
  due(now: number): DemoBatch[];
}

/** Begins at `start` (Unix ms); what happens depends on the seed and on `start`. */
export function startLive(options: { seed: number; users: number; start: number }): Live {
  const { seed, start } = options;
  const random = randomFrom(seed, 'live', start);
  const employees = staff(seed, options.users);
  const visits: { session: string; sent: number; events: DemoEvent[] }[] = [];

  const welcome = (now: number) => {
    const at = now + (visits.length === 0 ? 0 : random.int(0, ARRIVAL_SPREAD_MS));
    const visit = startVisit(random.pick(employees), random, `s_${random.hex(16)}`, at);
    play(visit, outagesAround(at, start));
    visits.push({ session: visit.session, sent: 0, events: visit.events });
  };

  return {
    due(now) {
      while (visits.length < VISITORS) welcome(now);
      const batches: DemoBatch[] = [];
      for (const visit of visits) {
        const events = visit.events.filter(({ ts }, index) => index >= visit.sent && ts <= now);
        if (events.length === 0) continue;
        batches.push({ batchId: `live-${visit.session}-${visit.sent}`, arrivesAt: now, events });
        visit.sent += events.length;
      }
      visits.splice(0, visits.length, ...visits.filter(({ sent, events }) => sent < events.length));
      return batches;
    },
  };
}

/** The last outage before a moment and the next one after it. */
function outagesAround(at: number, start: number): Outage[] {
  const round = Math.floor((at - start) / OUTAGE_EVERY_MS);
  return [round, round + 1].map((n) => {
    const from = start + n * OUTAGE_EVERY_MS + OUTAGE_MS;
    return { kind: OUTAGE_KINDS[n % OUTAGE_KINDS.length] ?? 'invoice_total', from, to: from + OUTAGE_MS };
  });
}
