/** The bound on answers: rows are taken while their JSON has room, and never cut themselves. */
import type { JsonText, StoredEvent } from '../domain/event.js';
import {
  ANSWER_BYTES_MAX,
  CUE_CHUNKS_MAX,
  MANIFEST_CHUNKS_MAX,
  PROPS_ANSWER_BYTES_MAX,
} from '../domain/limits.js';
import { eventJson } from './event-json.js';
import type { CountedDay } from './shapes.js';

/** What an answer may hold at most. Tests lower it. */
export interface AnswerBounds {
  /** Of its JSON, UTF-8. */
  bytes: number;
  /** Of an event's props; larger ones are left out. */
  propsBytes: number;
  /** Chunks in a page of a manifest. */
  chunks: number;
  /** Chunks in an incident's cue. */
  cueChunks: number;
}

export const ANSWER_BOUNDS: AnswerBounds = {
  bytes: ANSWER_BYTES_MAX,
  propsBytes: PROPS_ANSWER_BYTES_MAX,
  chunks: MANIFEST_CHUNKS_MAX,
  cueChunks: CUE_CHUNKS_MAX,
};

/** Room for what an answer holds besides its rows: cursor, head, ids, names of members. */
export const FRAME_BYTES = 4_096;
/** A UTF-16 code unit in JSON: `\u0000`. */
const UNIT_BYTES = 6;
/** A list's comma. */
export const COMMA_BYTES = 1;
/** An event's members without its texts. */
const EVENT_BYTES = 256;
/** A row's `,"by_day":[],"truncated":true` and one day. */
export const BY_DAY_BYTES = 96;
/** `{"day":"2026-11-30","count":1},` */
const DAY_BYTES_MIN = 31;

export const jsonBytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

/** At most so many bytes are the event's JSON: cheap, and several times too many for escaped text. */
export function eventBytesAtMost({ app, user_id, session_id, name, url, props, user }: StoredEvent): number {
  const person = (user?.name?.length ?? 0) + (user?.email?.length ?? 0);
  const texts = app.length + user_id.length + session_id.length + name.length + (url?.length ?? 0) + person;
  return EVENT_BYTES + UNIT_BYTES * texts + (props === undefined ? 0 : Buffer.byteLength(props));
}

export const eventBytes = (event: StoredEvent): number => Buffer.byteLength(eventJson(event));

/** Whether props are too large for an answer. */
export const isTooLarge = (props: JsonText, { propsBytes }: AnswerBounds): boolean =>
  // A code unit has at most three bytes.
  props.length * 3 > propsBytes && Buffer.byteLength(props) > propsBytes;

/** The event without props that are too large. */
export function bounded(event: StoredEvent, bounds: AnswerBounds): StoredEvent {
  return event.props !== undefined && isTooLarge(event.props, bounds) ? withoutProps(event) : event;
}

export function withoutProps({ props: _, ...event }: StoredEvent): StoredEvent {
  return { ...event, truncated: true };
}

export type Rows<Row> = ReturnType<typeof openRows<Row>>;

/**
 * Takes rows into an answer that has room for `bytesMax`. Adds up what they are at most, and measures them
 * only once that is too much: most answers are far below the bound.
 */
export function openRows<Row>(
  bytesMax: number,
  measure: (row: Row) => number,
  atMost: (row: Row) => number = measure,
) {
  const room = bytesMax - FRAME_BYTES;
  const rows: Row[] = [];
  let bytes = 0;
  let isMeasured = false;
  return {
    rows,
    /** False where the row has no room; the first one always has. */
    add(row: Row): boolean {
      let sum = bytes + COMMA_BYTES + (isMeasured ? measure(row) : atMost(row));
      if (sum > room && !isMeasured) {
        isMeasured = true;
        bytes = rows.reduce((total, one) => total + COMMA_BYTES + measure(one), 0);
        sum = bytes + COMMA_BYTES + measure(row);
      }
      if (sum > room && rows.length > 0) return false;
      bytes = sum;
      rows.push(row);
      return true;
    },
    /** Bytes of the rows at most. */
    bytes: () => bytes,
  };
}

export const openEvents = (bytesMax: number): Rows<StoredEvent> =>
  openRows(bytesMax, eventBytes, eventBytesAtMost);

/** More days than this have room in no answer. */
export const daysMax = ({ bytes }: AnswerBounds): number => Math.ceil(bytes / DAY_BYTES_MIN);

/** With its comma. */
export const dayBytes = ({ day, count }: CountedDay): number => 20 + day.length + String(count).length;

/**
 * Leaves each list its latest days, so that they all have room in `bytes`; what short lists need less is for
 * the long ones. Returns for each whether it was cut. Every list keeps a day.
 */
export function fitDays<Day>(lists: Day[][], bytes: number, measure: (day: Day) => number): boolean[] {
  const sized = lists.map((list, index) => ({
    list,
    index,
    size: list.reduce((sum, day) => sum + measure(day), 0),
  }));
  const isCut = lists.map(() => false);
  let left = bytes;
  for (const [done, { list, index, size }] of sized.sort((a, b) => a.size - b.size).entries()) {
    const share = left / (lists.length - done);
    let used = 0;
    let first = size > share ? list.length : 0;
    for (; first > 0; first--) {
      const next = measure(list[first - 1] as Day);
      if (used + next > share && first < list.length) break;
      used += next;
    }
    list.splice(0, first);
    isCut[index] = first > 0;
    left -= size > share ? used : size;
  }
  return isCut;
}

/** How many references of so many bytes each a page of a manifest holds. */
export const manifestMax = ({ bytes, chunks }: AnswerBounds, each: number): number =>
  Math.max(1, Math.min(chunks, Math.floor((bytes - FRAME_BYTES) / each)));

/** The same for an incident's cue, which leaves room for events. */
export const cueMax = ({ bytes, cueChunks }: AnswerBounds, each: number): number =>
  Math.max(1, Math.min(cueChunks, Math.floor(bytes / 4 / each)));
