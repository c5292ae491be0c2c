/** One person's visit to the made-up inventory app, as the events that the app's SDK would send. */
import type { EventType, NewEvent } from '../domain/event.js';
import type { Employee } from './people.js';
import type { Random } from './random.js';

/** An event as it goes over the wire. */
export interface DemoEvent extends Omit<NewEvent, 'props'> {
  url: string;
  props?: Record<string, unknown>;
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

/** Opens a page and reads it for a while. */
export function open(visit: Visit, url: string): void {
  visit.at += visit.random.wait(1_200);
  visit.url = url;
  note(visit, 'pageview', url);
  visit.at += visit.random.wait(14_000);
}

/** Does something that the product team tracks. */
export function act(visit: Visit, name: string, props?: Record<string, unknown>): void {
  note(visit, 'event', name, props);
  visit.at += visit.random.wait(7_000);
}

/** Calls the app's own API and waits for the answer. */
export function call(visit: Visit, method: string, path: string, status = 200, typicalMs = 90): void {
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
