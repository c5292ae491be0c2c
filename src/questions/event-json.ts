/** Writes events as JSON. Their `props` are JSON text already, and are spliced in as they are: no digit is lost on the way. */
import type { StoredEvent } from '../domain/event.js';
import { cursorOf, type EventPosition } from './cursor.js';

/** A page of a listing. */
export interface EventsPage {
  /** Newest first by `(ts, id)`. */
  events: StoredEvent[];
  /** The place to go on after; there while there is more. */
  next?: EventPosition;
  /** The newest committed id; 0 in a store that never had an event. */
  head: number;
}

/** One event as a JSON object; what is absent is left out. */
export function eventJson(event: StoredEvent): string {
  let json =
    `{"id":${event.id},"ts":${event.ts},"app":${quote(event.app)},"user_id":${quote(event.user_id)},` +
    `"session_id":${quote(event.session_id)},"type":"${event.type}","name":${quote(event.name)}`;
  if (event.url !== undefined) json += `,"url":${quote(event.url)}`;
  if (event.props !== undefined) json += `,"props":${event.props}`;
  if (event.user !== undefined) json += `,"user":${quote(event.user)}`;
  if (event.client_ts !== undefined) json += `,"client_ts":${event.client_ts}`;
  return `${json}}`;
}

/** Events as a JSON array. */
export function eventsJson(events: readonly StoredEvent[]): string {
  return `[${events.map(eventJson).join(',')}]`;
}

/**
 * Frames JSON for a line-based protocol: server-sent events end a field at a line break, and `props` may be pretty-printed.
 * In JSON text a raw line break can only stand between tokens, where any white space will do.
 */
export function onOneLine(json: string): string {
  return /[\r\n]/.test(json) ? json.replace(/[\r\n]+/g, ' ') : json;
}

/** A page of a listing, with the cursor that goes on after it while there is more. */
export function pageJson({ events, next, head }: EventsPage): string {
  const cursor = next === undefined ? '' : `,"next_cursor":"${cursorOf(next)}"`;
  return `{"events":${eventsJson(events)}${cursor},"head":${head}}`;
}

const quote: (value: string | object) => string = JSON.stringify;
