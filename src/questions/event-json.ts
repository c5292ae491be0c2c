/** Events as JSON. Their `props` are JSON text already and go in unchanged, so that no digit is lost. */
import type { StoredEvent } from '../domain/event.js';
import { cursorOf, type EventPosition } from './cursor.js';

export interface EventsPage {
  /** Newest first by `(ts, id)`. */
  events: StoredEvent[];
  /** The position to continue after; absent on the last page. */
  next?: EventPosition;
  /** The newest committed id; 0 before any event. */
  head: number;
}

export function eventJson(event: StoredEvent): string {
  let json =
    `{"id":${event.id},"ts":${event.ts},"app":${quote(event.app)},"user_id":${quote(event.user_id)},` +
    `"session_id":${quote(event.session_id)},"type":"${event.type}","name":${quote(event.name)}`;
  if (event.url !== undefined) json += `,"url":${quote(event.url)}`;
  if (event.props !== undefined) json += `,"props":${event.props}`;
  if (event.user !== undefined) json += `,"user":${quote(event.user)}`;
  if (event.client_ts !== undefined) json += `,"client_ts":${event.client_ts}`;
  if (event.truncated) json += ',"truncated":true';
  return `${json}}`;
}

export const eventsJson = (events: readonly StoredEvent[]): string => `[${events.map(eventJson).join(',')}]`;

/** For server-sent events, which end a field at a line break. In JSON one stands between tokens only. */
export function onOneLine(json: string): string {
  return json.replace(/[\r\n]+/g, ' ');
}

export function pageJson({ events, next, head }: EventsPage): string {
  const cursor = next === undefined ? '' : `,"next_cursor":"${cursorOf(next)}"`;
  return `{"events":${eventsJson(events)}${cursor},"head":${head}}`;
}

const quote: (value: string | object) => string = JSON.stringify;
