/** Deterministic benchmark data from a seed: users, sessions and names with a realistic skew. */
import type { NewEvent } from '../src/domain/event.js';
import { DAY_MS } from '../src/domain/limits.js';

export const APP = 'inventory';
export const KEY = 'sg_bench_0123456789abcdef';
const NAMES = 60;
const PAGES = 200;
const EVENTS_A_BODY = 20;

/** mulberry32, Tommy Ettinger's public-domain generator; 32 bits of state are enough for test data. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Shape {
  users: number;
  /** Unix ms of the last event. */
  end: number;
  days: number;
  /** Number of bodies; they arrive in the order of time, except late ones. */
  bodies: number;
}

const LATE_SHARE = 0.02;

/** One body's events: some ten seconds of one session; names have a skewed popularity, 2 % are errors, 2 % of bodies late. */
export function bodyEvents(
  random: () => number,
  { users, end, days, bodies }: Shape,
  serial: number,
  size = EVENTS_A_BODY,
): NewEvent[] {
  const user = Math.floor(random() ** 2 * users);
  const progress = (serial + 1) / bodies;
  const lateness = random() < LATE_SHARE ? random() : 0;
  const start = Math.floor(end - (1 - progress * (1 - lateness)) * days * DAY_MS);
  return Array.from({ length: size }, (_, index) => {
    const kind = random();
    const name = Math.floor(random() ** 2 * NAMES);
    const page = `/invoices/${Math.floor(random() ** 2 * PAGES)}`;
    const base = {
      ts: start + index * 450,
      user_id: `user-${user}@example.com`,
      session_id: `s_${serial.toString(36)}_${user}`,
    };
    const props = `{"sku":"SKU-${Math.floor(random() * 99_999)}","amount":${Math.floor(random() * 9_000)},"source":"toolbar"}`;
    const rest = { url: page, props: props as NonNullable<NewEvent['props']> };
    if (kind < 0.02)
      return { ...base, type: 'error', name: `TypeError: cannot read row ${name % 7}`, ...rest };
    if (kind < 0.2) return { ...base, type: 'pageview', name: page, ...rest };
    return { ...base, type: 'event', name: `action_${name}`, ...rest };
  });
}

/** A body's JSON in two parts; each request puts its own `batch_id` between them. */
export function bodyParts(events: readonly NewEvent[]): [head: string, tail: string] {
  const texts = events.map(
    ({ props, ...event }) => `${JSON.stringify(event).slice(0, -1)},"props":${props ?? '{}'}}`,
  );
  return [`{"app":"${APP}","key":"${KEY}","batch_id":"`, `","events":[${texts.join(',')}]}`];
}

export const APPS = [APP, 'billing'] as const;
export const USERS = 50_000;
export const DAYS = 30;
/** A fixed end, so that data and answers are the same in every run. */
export const END = Date.UTC(2026, 5, 30, 15);
/** Sessions under way at any time. */
const LIVE_SESSIONS = 64;
/** Mean requests per session; the distribution is geometric. */
const SESSION_BODIES = 8;

export interface Body {
  app: string;
  events: NewEvent[];
}

interface Visit {
  app: string;
  user: string;
  session: string;
}

/** The stored data of the benchmark: `events` events in order of arrival; every engine gives ids from 1. */
export function* arrivals(events: number): Generator<Body> {
  const random = randomFrom(1);
  let sessions = 0;
  const newVisit = (): Visit => {
    const user = `user-${Math.floor(random() ** 2 * USERS)}@example.com`;
    return { app: random() < 0.7 ? APPS[0] : APPS[1], user, session: `s_${(sessions++).toString(36)}` };
  };
  const live = Array.from({ length: LIVE_SESSIONS }, newVisit);
  for (let serial = 0, stored = 0; stored < events; serial++) {
    const index = Math.floor(random() * LIVE_SESSIONS);
    const visit = live[index] ?? newVisit();
    if (random() < 1 / SESSION_BODIES) live[index] = newVisit();
    const shape = { users: USERS, end: END, days: DAYS, bodies: Math.ceil(events / EVENTS_A_BODY) };
    // 1 to 39 events, twenty on average.
    const size = Math.min(1 + Math.floor(random() * 39), events - stored);
    const made = bodyEvents(random, shape, Math.min(serial, shape.bodies - 1), size);
    stored += size;
    yield {
      app: visit.app,
      events: made.map((event) => ({ ...event, user_id: visit.user, session_id: visit.session })),
    };
  }
}
