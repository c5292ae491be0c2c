/** One person's visit to the made-up inventory app, recorded step by step as the events its SDK would send. */
import type { EventType, Person } from '../domain/event.js';
import type { Employee } from './people.js';
import type { Random } from './random.js';

/** An event as it goes over the wire. */
export interface DemoEvent {
  ts: number;
  user_id: string;
  session_id: string;
  type: EventType;
  name: string;
  url: string;
  props?: Record<string, unknown>;
  user?: Person;
}

export interface Visit {
  /** The session's id. */
  readonly id: string;
  readonly employee: Employee;
  readonly random: Random;
  readonly events: DemoEvent[];
  /** The visitor's present moment, Unix ms. */
  at: number;
  /** The page the visitor is on. */
  url: string;
}

const CALL_MS_TYPICAL = 90;
const ACT_MS_TYPICAL = 7_000;
const READ_MS_TYPICAL = 14_000;

/** Opens a page and reads it for a while; `props` go with the page view. */
export function open(visit: Visit, url: string, props?: Record<string, unknown>): void {
  visit.at += visit.random.wait(1_200);
  visit.url = url;
  note(visit, 'pageview', url, props);
  visit.at += visit.random.wait(READ_MS_TYPICAL);
}

/** Does something that the product team tracks. */
export function act(visit: Visit, name: string, props?: Record<string, unknown>): void {
  note(visit, 'event', name, props);
  visit.at += visit.random.wait(ACT_MS_TYPICAL);
}

/** Calls the app's own API and waits for the answer; the event has the time of the call. */
export function call(
  visit: Visit,
  method: string,
  path: string,
  status = 200,
  typicalMs = CALL_MS_TYPICAL,
): void {
  const duration_ms = visit.random.wait(typicalMs);
  const props = { method, url: path, status, duration_ms, response_bytes: visit.random.wait(4_000) };
  note(visit, 'network', `${method} ${path}`, props);
  visit.at += duration_ms;
}

/** Adds an event at the visit's present moment and page. */
export function note(visit: Visit, type: EventType, name: string, props?: Record<string, unknown>): void {
  const { id, name: fullName, email } = visit.employee;
  visit.events.push({
    ts: visit.at,
    user_id: id,
    session_id: visit.id,
    type,
    name,
    url: visit.url,
    ...(props && { props }),
    ...(visit.events.length === 0 && { user: { name: fullName, email } }),
  });
}
