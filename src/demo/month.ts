/** A month of visits to the made-up app, as the requests its SDK would send, in the order they would arrive. */
import { DAY_MS, HOUR_MS } from '../domain/limits.js';
import { type Outage, outagesOn } from './faults.js';
import { type Employee, staff } from './people.js';
import { randomFrom } from './random.js';
import { play } from './scenes.js';
import type { DemoEvent, Visit } from './visit.js';

export interface MonthOptions {
  seed: number;
  users: number;
  /** Whole UTC days before today; the month ends with today, up to `until`. */
  days: number;
  /** The last moment of the month, Unix ms. */
  until: number;
}

/** One request's events, all of one session. */
export interface DemoBatch {
  batchId: string;
  /** Arrival at the collector, Unix ms: seconds after the last event, or hours from a phone without signal. */
  arrivesAt: number;
  events: DemoEvent[];
}

/** What reaches the collector on one UTC day, and the visits that began on it. */
export interface DemoDay {
  batches: DemoBatch[];
  sessions: DemoSession[];
}

export type DemoSession = Pick<Visit, 'id' | 'events'>;

/** Mondays to Sundays. */
const WEEKDAY_ACTIVITY = [1, 1.05, 1.08, 1, 0.85, 0.1, 0.05];
/** Visits by local hour of the day: two humps with a lunch between them, and the night shift. */
const HOUR_WEIGHTS = [
  0.4, 0.3, 0.3, 0.3, 0.5, 1, 3, 7, 11, 12, 11, 9, 5, 8, 10, 10, 9, 6, 3, 2, 1.5, 1, 0.8, 0.5,
];
const HOURS = HOUR_WEIGHTS.map((_, hour) => hour);
const BATCH_EVENTS = 20;
const LATE_SHARE = 0.02;

/**
 * The days, `days` + 1 of them, oldest first. What happens on a day depends on the seed and the date alone: a second run, today or
 * tomorrow, makes the same visits with the same `batch_id`s again, and a collector that has them stores nothing twice.
 */
export function* month(options: MonthOptions): Generator<DemoDay> {
  const today = Math.floor(options.until / DAY_MS);
  let late: DemoBatch[] = [];
  for (let day = today - options.days; day <= today; day++) {
    const sessions = sessionsOn(options, day);
    const batches = [...late, ...sessions.flatMap(toBatches)];
    const end = (day + 1) * DAY_MS;
    late = batches.filter((batch) => batch.arrivesAt >= end);
    const arriving = batches
      .filter((batch) => batch.arrivesAt < Math.min(end, options.until))
      .sort((a, b) => a.arrivesAt - b.arrivesAt || (a.batchId < b.batchId ? -1 : 1));
    yield { batches: arriving, sessions };
  }
}

/** The visits that begin on a day (days since 1970) and are over by `until`, in no particular order. */
function sessionsOn({ seed, users, until }: MonthOptions, day: number): DemoSession[] {
  const outages = outagesOn(seed, day);
  return staff(seed, users)
    .flatMap((employee) => visitsOf(seed, employee, day, outages))
    .filter((visit) => visit.at < until);
}

function visitsOf(seed: number, employee: Employee, day: number, outages: readonly Outage[]): Visit[] {
  const random = randomFrom(seed, employee.id, day);
  const activity = (WEEKDAY_ACTIVITY[(day + 3) % 7] ?? 1) * employee.diligence; // 1970 began on a Thursday
  const weights = [0.9, 1.2 * activity, 0.9 * activity, 0.4 * activity, 0.2 * activity];
  return Array.from({ length: random.weighted([0, 1, 2, 3, 4], weights) }, () => {
    const hour = (random.weighted(HOURS, HOUR_WEIGHTS) - employee.utcOffsetHours + 24) % 24;
    return play(employee, random, day * DAY_MS + hour * HOUR_MS + random.int(0, HOUR_MS - 1), outages);
  });
}

function toBatches({ id, events }: DemoSession): DemoBatch[] {
  const random = randomFrom('delivery', id);
  const delayMs = random.chance(LATE_SHARE) ? random.int(HOUR_MS, 30 * HOUR_MS) : 0;
  const batches: DemoBatch[] = [];
  for (let from = 0; from < events.length; from += BATCH_EVENTS) {
    const part = events.slice(from, from + BATCH_EVENTS);
    const arrivesAt = (part.at(-1)?.ts ?? 0) + random.int(200, 5_000) + delayMs;
    batches.push({ batchId: `demo-${id}-${from / BATCH_EVENTS}`, arrivesAt, events: part });
  }
  return batches;
}
