/** Events as columns, with texts as spans of UTF-8 bytes: no object or string for each event. */
import { isAscii } from 'node:buffer';
import {
  EVENT_TYPES,
  type EventRequest,
  type JsonText,
  type NewEvent,
  type Person,
  typeCode,
} from './event.js';

/** Indexes into an event's part of `spans`, of a text's start; its end (exclusive) is the next number. */
export const NAME_SPAN = 0;
export const URL_SPAN = 2;
export const PROPS_SPAN = 4;
export const SPANS = 6;
/** Both ends of an absent text. */
export const ABSENT = -1;

export interface UserSession {
  userId: string;
  sessionId: string;
}

/** Each column has one entry for each event; `spans` has `SPANS`. */
export interface EventColumns {
  /** Times, Unix ms. */
  ts: number[];
  /** Indexes into `EVENT_TYPES`. */
  types: number[];
  /** Consecutive events of one user and session share one object. */
  userSessions: UserSession[];
  /** The spans refer to these bytes. */
  bytes: Buffer;
  isAscii: boolean;
  spans: number[];
  /** Absent where no event has a `user`. */
  people?: (Person | undefined)[];
  /** The client's times where they were corrected; absent where none was. */
  clientTs?: (number | undefined)[];
}

/** A request's events as columns. Their bytes must not change until the request is stored. */
export interface ColumnRequest extends Omit<EventRequest, 'events'> {
  columns: EventColumns;
}

/** Throws a `RangeError` for an event of no known type. */
export function columnsOf(events: readonly NewEvent[]): EventColumns {
  const units = events.reduce(
    (sum, { name, url = '', props = '' }) => sum + name.length + url.length + props.length,
    0,
  );
  const bytes = Buffer.allocUnsafe(units * 3);
  const spans: number[] = [];
  let end = 0;
  for (const { name, url, props } of events) {
    for (const text of [name, url, props]) {
      const start = end;
      if (text !== undefined) end += bytes.write(text, start);
      spans.push(text === undefined ? ABSENT : start, text === undefined ? ABSENT : end);
    }
  }
  const columns: EventColumns = {
    ts: events.map(({ ts }) => ts),
    types: events.map(({ type }) => typeCode(type)),
    userSessions: userSessionsOf(events),
    bytes,
    isAscii: isAscii(bytes.subarray(0, end)),
    spans,
  };
  if (events.some(({ user }) => user !== undefined)) columns.people = events.map(({ user }) => user);
  if (events.some(({ client_ts }) => client_ts !== undefined))
    columns.clientTs = events.map(({ client_ts }) => client_ts);
  return columns;
}

function userSessionsOf(events: readonly NewEvent[]): UserSession[] {
  let last: UserSession | undefined;
  return events.map(({ user_id: userId, session_id: sessionId }) => {
    if (last?.userId !== userId || last.sessionId !== sessionId) last = { userId, sessionId };
    return last;
  });
}

export function eventsOf(columns: EventColumns): NewEvent[] {
  const { bytes, userSessions, spans, people, clientTs } = columns;
  return columns.ts.map((ts, index) => {
    const text = (field: number): string | undefined => {
      const at = index * SPANS + field;
      return spans[at] === ABSENT ? undefined : bytes.toString('utf8', spans[at], spans[at + 1]);
    };
    const { userId = '', sessionId = '' } = userSessions[index] ?? {};
    const url = text(URL_SPAN);
    const props = text(PROPS_SPAN) as JsonText | undefined;
    const user = people?.[index];
    const client_ts = clientTs?.[index];
    return {
      ts,
      user_id: userId,
      session_id: sessionId,
      type: EVENT_TYPES[columns.types[index] ?? 0] ?? 'event',
      name: text(NAME_SPAN) ?? '',
      ...(url === undefined ? {} : { url }),
      ...(props === undefined ? {} : { props }),
      ...(user === undefined ? {} : { user }),
      ...(client_ts === undefined ? {} : { client_ts }),
    };
  });
}

/** The same request with its events as objects, which keep none of its bytes alive. */
export const withEvents = ({ columns, ...head }: ColumnRequest): EventRequest => ({
  ...head,
  events: eventsOf(columns),
});
