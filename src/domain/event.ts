/** The domain's words as types: an event as it is taken in, and as it is stored. */

/** Event types in the order of their numeric codes in the log. Append only: codes are stored. */
export const EVENT_TYPES = ['event', 'pageview', 'error', 'network', 'bug_report'] as const;
export type EventType = (typeof EVENT_TYPES)[number];

const TYPE_CODES = new Map<EventType, number>(EVENT_TYPES.map((type, code) => [type, code]));

export function typeCode(type: EventType): number {
  const code = TYPE_CODES.get(type);
  if (code === undefined) throw new RangeError(`no such event type: ${type}`);
  return code;
}

declare const jsonText: unique symbol;
/** JSON as text, exactly as its sender wrote it, so that no number loses a digit on the way through. */
export type JsonText = string & { readonly [jsonText]: true };

/** Who a user is, as far as an event told. */
export interface Person {
  name?: string;
  email?: string;
}

/** An event that passed validation, its clock already put right. Times are Unix ms. */
export interface NewEvent {
  ts: number;
  user_id: string;
  session_id: string;
  type: EventType;
  name: string;
  url?: string;
  props?: JsonText;
  user?: Person;
  /** What the client said its time was, when `ts` is not that. */
  client_ts?: number;
}

/** An event of the log. `id` is its offset: positive, in order of arrival, never reused. */
export interface StoredEvent extends NewEvent {
  id: number;
  app: string;
}

/** How much of an event is text of any length, in UTF-16 code units: what pages of events are bounded by, besides their number. */
export function textOf({ name, url, props }: Pick<NewEvent, 'name' | 'url' | 'props'>): number {
  return name.length + (url?.length ?? 0) + (props?.length ?? 0);
}

/** One request's worth of valid events: stored whole or not at all. */
export interface EventBatch {
  app: string;
  /** Makes a retry safe: the same `(app, batchId)` within 7 days stores nothing again. */
  batchId?: string;
  /** Time of receipt, Unix ms. */
  receivedAt: number;
  events: readonly NewEvent[];
  /** Import only: the id of the first event; the rest follow it one by one. */
  firstId?: number;
}
