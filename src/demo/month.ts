/** A month of visits to the made-up app, as the requests its SDK would send, in the order they would arrive. */
import { DAY_MS } from '../domain/limits.js';
import { type Outage, outagesOn } from './faults.js';
import { type Employee, staff } from './people.js';
import { randomFrom } from './random.js';
import { play } from './scenes.js';
import { type DemoEvent, startVisit } from './visit.js';

export interface MonthOptions {
  seed: number;
  users: number;
  /** Whole UTC days before today, today up to `until` besides. */
  days: number;
  /** The moment up to which things have happened, Unix ms. */
  until: number;
}

/** One request's events: of one session, sent together. */
export interface DemoBatch {
  batchId: string;
  /** When it reaches the collector, Unix ms: later than its events by seconds, or by hours from a phone without signal. */
  arrivesAt: number;
  events: DemoEvent[];
}

/** What reaches the collector on one UTC day, and the visits that began on it. */
export interface DemoDay {
  batches: DemoBatch[];
  sessions: DemoSession[];
}

export interface DemoSession {
  id: string;
  events: DemoEvent[];
}

const HOUR_MS = 3_600_000;
/** Mondays to Sundays. */
const WEEKDAY_ACTIVITY = [1, 1.05, 1.08, 1, 0.85, 0.1, 0.05];
/** Visits by local hour of the day: two humps with a lunch between them, and the night shift. */
const HOUR_WEIGHTS = [
  0.4, 0.3, 0.3, 0.3, 0.5, 1, 3, 7, 11, 12, 11, 9, 5, 8, 10, 10, 9, 6, 3, 2, 1.5, 1, 0.8, 0.5,
];
const HOURS = HOUR_WEIGHTS.map((_, hour) => hour);
const VISITS_PER_DAY = [0, 1, 2, 3, 4];
const BATCH_EVENTS = 20;
const LATE_SHARE = 0.02;

/** How many days `month` walks through, today included. */
export function dayCount(options: MonthOptions): number {
  return options.days + 1;
}

/**
 * The days, oldest first, each with its requests in order of arrival. What happens on a day depends on the seed and the date alone:
 * a second run, today or tomorrow, makes the same visits with the same `batch_id`s again, and a collector that has
 * them stores nothing twice.
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
export function sessionsOn(options: MonthOptions, day: number): DemoSession[] {
  const outages = outagesOn(options.seed, day);
  return staff(options.seed, options.users)
    .flatMap((employee) => visitsOf(options.seed, employee, day, outages))
    .filter((session) => (session.events.at(-1)?.ts ?? 0) < options.until);
}

function visitsOf(seed: number, employee: Employee, day: number, outages: readonly Outage[]): DemoSession[] {
  const random = randomFrom(seed, employee.id, day);
  const activity = (WEEKDAY_ACTIVITY[(day + 3) % 7] ?? 1) * employee.diligence; // 1970 began on a Thursday
  const visits = random.weighted(VISITS_PER_DAY, [
    0.9,
    1.2 * activity,
    0.9 * activity,
    0.4 * activity,
    0.2 * activity,
  ]);
  return Array.from({ length: visits }, () => {
    const localHour = random.weighted(HOURS, HOUR_WEIGHTS);
    const hour = (localHour - employee.utcOffsetHours + 24) % 24;
    const at = day * DAY_MS + hour * HOUR_MS + random.int(0, HOUR_MS - 1);
    const visit = startVisit(employee, random, `s_${random.hex(16)}`, at);
    play(visit, outages);
    return { id: visit.session, events: visit.events };
  });
}

function toBatches(session: DemoSession): DemoBatch[] {
  const random = randomFrom('delivery', session.id);
  const delayMs = random.chance(LATE_SHARE) ? random.int(HOUR_MS, 30 * HOUR_MS) : 0;
  const batches: DemoBatch[] = [];
  for (let from = 0; from < session.events.length; from += BATCH_EVENTS) {
    const events = session.events.slice(from, from + BATCH_EVENTS);
    const lastTs = events.at(-1)?.ts ?? 0;
    const arrivesAt = lastTs + random.int(200, 5_000) + delayMs;
    batches.push({ batchId: `demo-${session.id}-${from / BATCH_EVENTS}`, arrivesAt, events });
  }
  return batches;
}
