/**
 * Events as columns: their texts as spans of UTF-8 bytes, so that a request goes from its body into the log without an object
 * or a string an event. `columnsOf` and `eventsOf` are the ways between these and events as objects.
 */
import { isAscii } from 'node:buffer';
import {
  EVENT_TYPES,
  type EventBatch,
  type JsonText,
  type NewEvent,
  type Person,
  typeCode,
} from './event.js';

/** Where in an event's part of `spans` its texts stand: the position of the first byte, then that after the last. */
export const NAME_SPAN = 0;
export const URL_SPAN = 2;
export const PROPS_SPAN = 4;
export const SPANS = 6;
/** Both ends of the span of a text that is not there. */
export const ABSENT = -1;

export interface Visit {
  userId: string;
  sessionId: string;
}

/** The column of a field has an entry an event; `spans` has `SPANS`. */
export interface EventColumns {
  /** Times, Unix ms. */
  ts: number[];
  /** Positions in `EVENT_TYPES`. */
  types: number[];
  /** Whose each event is; one and the same for consecutive events of one user and session. */
  visits: Visit[];
  /** What the spans are of, and whether all of it is ASCII. */
  bytes: Buffer;
  isAscii: boolean;
  spans: number[];
  /** Absent where no event tells who its user is. */
  people?: (Person | undefined)[];
  /** Absent where every event kept the time its client said. */
  clientTs?: (number | undefined)[];
}

/** A batch whose events are columns; until it is stored, nobody may write over their bytes. */
export interface ColumnBatch extends Omit<EventBatch, 'events'> {
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
    visits: visitsOf(events),
    bytes,
    isAscii: isAscii(bytes.subarray(0, end)),
    spans,
  };
  if (events.some(({ user }) => user !== undefined)) columns.people = events.map(({ user }) => user);
  if (events.some(({ client_ts }) => client_ts !== undefined))
    columns.clientTs = events.map(({ client_ts }) => client_ts);
  return columns;
}

function visitsOf(events: readonly NewEvent[]): Visit[] {
  let visit: Visit | undefined;
  return events.map(({ user_id: userId, session_id: sessionId }) => {
    if (visit?.userId !== userId || visit.sessionId !== sessionId) visit = { userId, sessionId };
    return visit;
  });
}

export function eventsOf(columns: EventColumns): NewEvent[] {
  const { bytes, visits, spans, people, clientTs } = columns;
  return columns.ts.map((ts, index) => {
    const text = (field: number): string | undefined => {
      const at = index * SPANS + field;
      return spans[at] === ABSENT ? undefined : bytes.toString('utf8', spans[at], spans[at + 1]);
    };
    const { userId = '', sessionId = '' } = visits[index] ?? {};
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

/** The same batch with its events as objects, which keep none of its bytes alive. */
export const withEvents = ({ columns, ...head }: ColumnBatch): EventBatch => ({
  ...head,
  events: eventsOf(columns),
});
