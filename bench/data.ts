/** Deterministic benchmark data: users, sessions and names with a believable skew, from a seed. */
import type { NewEvent } from '../src/event.js';
import { DAY_MS } from '../src/limits.js';

export const APP = 'inventory';
export const KEY = 'sg_bench_0123456789abcdef';
const NAMES = 60;
const PAGES = 200;
const EVENTS_A_BODY = 20;

/** mulberry32, Tommy Ettinger's public-domain generator: 32 bits of state are plenty for test data. */
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
  /** Bodies in all: they arrive in the order of time, but for the late. */
  bodies: number;
}

const LATE_SHARE = 0.02;

/** One body's events: some ten seconds of one session; names fall off in popularity, 2 % are errors, 2 % of bodies late. */
export function bodyEvents(
  random: () => number,
  { users, end, days, bodies }: Shape,
  serial: number,
): NewEvent[] {
  const user = Math.floor(random() ** 2 * users);
  const progress = (serial + 1) / bodies;
  const lateness = random() < LATE_SHARE ? random() : 0;
  const start = Math.floor(end - (1 - progress * (1 - lateness)) * days * DAY_MS);
  return Array.from({ length: EVENTS_A_BODY }, (_, index) => {
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

/** A body's JSON in two parts: a `batch_id` goes between them, another one in each request. */
export function bodyParts(events: readonly NewEvent[]): [head: string, tail: string] {
  const texts = events.map(
    ({ props, ...event }) => `${JSON.stringify(event).slice(0, -1)},"props":${props ?? '{}'}}`,
  );
  return [`{"app":"${APP}","key":"${KEY}","batch_id":"`, `","events":[${texts.join(',')}]}`];
}
