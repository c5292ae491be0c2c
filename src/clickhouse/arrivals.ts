/**
 * Events in the order of their ids: one event, the newest id, and what followed an id.
 *
 * A greater id may be stored before a lesser one, by another insert or another collector. So the stream
 * trails: it ends at ids given some seconds ago, and before the least id of this process's inserts that are
 * under way.
 */
import type { StoredEvent } from '../domain/event.js';
import { TAIL_TEXT_MAX } from '../domain/limits.js';
import { ANSWER_BOUNDS } from '../questions/bounds.js';
import type { TailPage } from '../store/port.js';
import type { Engine } from './connect.js';
import { EMBEDDED_ID_END, leastIdAt, timeOfId } from './ids.js';
import {
  columnsUpTo,
  EVENT_COLUMNS,
  type ListedRow,
  type ReadRow,
  shortEvent,
  textBytes,
  toEvent,
  withoutRepeats,
} from './rows.js';
import { queryNumber } from './sql.js';

/** How far back to look for copies of an event: two tries of one batch are seconds apart. */
const COPIES_MS = 60_000;

/** Of a page of the tail. */
export interface Amount {
  /** Bytes of texts after which a page ends. */
  textMax: number;
  /** Whether events have props that are too large for any answer. */
  isWhole: boolean;
}

const FOR_FEED: Amount = { textMax: TAIL_TEXT_MAX, isWhole: false };
/** A page costs some statements, so these are larger. */
export const FOR_EXPORT: Amount = { textMax: 4 * 1_048_576, isWhole: true };

/** Both inclusive. */
interface Ids {
  first: number;
  last: number;
}

export type Arrivals = ReturnType<typeof openArrivals>;

interface ArrivalsOptions {
  engine: Engine;
  trailMs: number;
  fence: () => number;
  /** The greatest id that retention deleted. */
  swept: () => number;
  /** The least id of this process's inserts that are under way. */
  leastUnderWay: () => number | undefined;
}

interface Arrival {
  id: number;
  ts: number;
  batch: string;
  idx: number;
}

export function openArrivals({ engine, trailMs, fence, swept, leastUnderWay }: ArrivalsOptions) {
  /** The last head read; it only grows. */
  let known = 0;
  const { eventsOf, upTo } = openEvents(engine, fence);

  const horizon = (): number => {
    const trailing = trailMs === 0 ? Number.MAX_SAFE_INTEGER : leastIdAt(Date.now() - trailMs);
    return Math.min(trailing, (leastUnderWay() ?? Number.MAX_SAFE_INTEGER) - 1);
  };

  /** The greatest id up to which no more events will appear, ids that retention deleted included. */
  const head = async (): Promise<number> => {
    const newest = await queryNumber(
      engine,
      'SELECT max(id) FROM arrivals WHERE id > {known:UInt64} AND id <= {horizon:UInt64}',
      { known, horizon: horizon() },
    );
    known = Math.max(known, newest, swept());
    return known;
  };

  return {
    head,
    /** Without props that are too large for any answer. */
    async event(id: number): Promise<StoredEvent | undefined> {
      const [event] = await eventsOf({ first: id, last: id }, false);
      return event;
    },
    async tail(after: number, limit: number, amount: Amount = FOR_FEED): Promise<TailPage> {
      const newest = await head();
      if (after >= newest) return { events: [], head: newest, next: newest, gap: after > newest };
      const arrivals = await engine.query<Arrival>(
        `SELECT id, ts, batch, idx FROM arrivals WHERE id > {after:UInt64} AND id <= {newest:UInt64} AND ts >= {fence:UInt64}
         ORDER BY id ASC LIMIT {rows:UInt32}`,
        { after, newest, fence: fence(), rows: limit + 1 },
      );
      const asked = arrivals.slice(0, limit);
      const [first] = asked;
      const furthest = asked.at(-1);
      const gap = mayMiss(after, first?.id, swept()) && (first === undefined || first.id > after + 1);
      if (!first || !furthest) return { events: [], head: newest, next: newest, gap };
      const page = await upTo(asked, { first: first.id, last: furthest.id }, amount);
      const last = page.at(-1) ?? first;
      const [events, copies] = await Promise.all([
        eventsOf({ first: first.id, last: last.id }, amount.isWhole),
        copiesAmong(engine, page),
      ]);
      return {
        events: events.filter(({ id }) => !copies.has(id)),
        head: newest,
        next: arrivals.length > page.length ? last.id : newest,
        gap,
      };
    },
  };
}

/** Reads events by their ids. */
function openEvents(engine: Engine, fence: () => number) {
  /** Columns of events by their ids; `arrivals` has their hours and users, which `events` is ordered by. */
  const read = async <Row>(columns: string, { first, last }: Ids): Promise<Row[]> =>
    engine.query<Row>(
      `SELECT ${columns} FROM events WHERE (hour, user_id) GLOBAL IN (
         SELECT hour, user_id FROM arrivals WHERE id >= {first:UInt64} AND id <= {last:UInt64}
       ) AND id >= {first:UInt64} AND id <= {last:UInt64} AND ts >= {fence:UInt64}`,
      { first, last, fence: fence() },
    );
  const eventsOf = async (ids: Ids, isWhole: boolean): Promise<StoredEvent[]> => {
    const events = isWhole
      ? (await read<ReadRow>(EVENT_COLUMNS, ids)).map(toEvent)
      : (await read<ListedRow>(columnsUpTo(ANSWER_BOUNDS.propsBytes), ids)).map(shortEvent);
    const byId = new Map(events.map((event) => [event.id, event]));
    return [...byId.values()].sort((a, b) => a.id - b.id);
  };
  /** The first of these arrivals whose texts are together no more than so many bytes, and one. */
  const upTo = async (page: readonly Arrival[], ids: Ids, { isWhole, textMax }: Amount) => {
    const columns = `id, ${textBytes(isWhole ? Number.MAX_SAFE_INTEGER : ANSWER_BOUNDS.propsBytes)} AS bytes`;
    const rows = await read<{ id: number; bytes: number }>(columns, ids);
    const sizes = new Map(rows.map(({ id, bytes }) => [id, bytes]));
    let size = 0;
    const end = page.findIndex(({ id }) => {
      if (size > textMax) return true;
      size += sizes.get(id) ?? 0;
      return false;
    });
    return end < 0 ? page : page.slice(0, end);
  };
  return { eventsOf, upTo };
}

/** Ids of these arrivals that are copies of an event with a lesser id. */
async function copiesAmong(engine: Engine, arrivals: readonly Arrival[]): Promise<Set<number>> {
  const [first] = arrivals;
  const last = arrivals.at(-1);
  if (!first || !last) return new Set();
  const rows = await engine.query<Arrival>(
    `SELECT id, ts, batch, idx FROM arrivals WHERE id >= {first:UInt64} AND id <= {last:UInt64}
       AND batch GLOBAL IN (SELECT batch FROM arrivals WHERE id >= {from:UInt64} AND id <= {last:UInt64})`,
    { from: first.id, last: last.id, first: leastIdAt(timeOfId(first.id) - COPIES_MS) },
  );
  const least = new Set(withoutRepeats(rows).map(({ id }) => id));
  return new Set(arrivals.filter(({ id }) => !least.has(id)).map(({ id }) => id));
}

/** Whether a gap means that events are gone: below what was swept, and among ids of the embedded engine. */
function mayMiss(after: number, first: number | undefined, swept: number): boolean {
  return after < swept || (first !== undefined && first < EMBEDDED_ID_END);
}
