/** An event as it is taken in, and as it is stored. */

/** In the order of their codes, which are stored: only append. */
export const EVENT_TYPES = ['event', 'pageview', 'error', 'network', 'bug_report'] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export function typeCode(type: EventType): number {
  const code = EVENT_TYPES.indexOf(type);
  if (code === -1) throw new RangeError(`no such event type: ${type}`);
  return code;
}

declare const jsonText: unique symbol;
/** JSON exactly as its sender wrote it, so that no number loses a digit. */
export type JsonText = string & { readonly [jsonText]: true };

/** What an event says about its user. */
export interface Person {
  name?: string;
  email?: string;
}

/** A valid event with its clock corrected. Times are Unix ms. */
export interface NewEvent {
  ts: number;
  user_id: string;
  session_id: string;
  type: EventType;
  name: string;
  url?: string;
  props?: JsonText;
  user?: Person;
  /** The client's time, when `ts` is another. */
  client_ts?: number;
}

/** An event of the log. `id` is its offset: positive, in order of arrival, never reused. */
export interface StoredEvent extends NewEvent {
  id: number;
  app: string;
  /** The props are too large for an answer and were left out of it. */
  truncated?: true;
}

/** The UTF-16 code units of an event's long texts: they bound pages of events. */
export function textOf({ name, url, props }: Pick<NewEvent, 'name' | 'url' | 'props'>): number {
  return name.length + (url?.length ?? 0) + (props?.length ?? 0);
}

/** The first `max` UTF-16 code units, or one fewer if that splits a pair; a copy, which frees `text`. */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text;
  const last = text.charCodeAt(max - 1);
  const inPair = last >= 0xd800 && last <= 0xdbff;
  return Buffer.from(text.slice(0, inPair ? max - 1 : max), 'utf8').toString('utf8');
}

/** Whether an event has an incident of its own. */
export const isIncident = ({ type }: Pick<NewEvent, 'type'>): boolean =>
  type === 'error' || type === 'bug_report';

/** One request's valid events: stored whole or not at all. */
export interface EventRequest {
  app: string;
  /** Idempotency key: the same `(app, batchId)` within 7 days is stored once. */
  batchId?: string;
  /** Time of receipt, Unix ms. */
  receivedAt: number;
  events: readonly NewEvent[];
  /** Import only: the id of the first event; the others follow it one by one. */
  firstId?: number;
}
