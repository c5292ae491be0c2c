/**
 * Events in the order of their ids: one event, the newest id, and what followed an id.
 *
 * A greater id may be stored before a lesser one, by another insert or another collector. So the stream
 * trails: it ends at ids given some seconds ago, and before the least id of this process's inserts that are
 * under way.
 */
import type { StoredEvent } from '../domain/event.js';
import type { TailPage } from '../store/port.js';
import type { Engine } from './connect.js';
import { EMBEDDED_ID_END, leastIdAt, timeOfId } from './ids.js';
import { EVENT_COLUMNS, type ReadRow, toEvent, withoutRepeats } from './rows.js';
import { queryNumber } from './sql.js';

/** How far back to look for copies of an event: two tries of one batch are seconds apart. */
const COPIES_MS = 60_000;

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

  /** Events by their ids; `arrivals` has their hours and users, which `events` is ordered by. */
  const eventsOf = async (first: number, last: number): Promise<StoredEvent[]> => {
    const rows = await engine.query<ReadRow>(
      `SELECT ${EVENT_COLUMNS} FROM events WHERE (hour, user_id) GLOBAL IN (
         SELECT hour, user_id FROM arrivals WHERE id >= {first:UInt64} AND id <= {last:UInt64}
       ) AND id >= {first:UInt64} AND id <= {last:UInt64} AND ts >= {fence:UInt64}`,
      { first, last, fence: fence() },
    );
    const byId = new Map(rows.map((row) => [row.id, row]));
    return [...byId.values()].map(toEvent).sort((a, b) => a.id - b.id);
  };

  return {
    head,
    async event(id: number): Promise<StoredEvent | undefined> {
      const [event] = await eventsOf(id, id);
      return event;
    },
    async tail(after: number, limit: number): Promise<TailPage> {
      const newest = await head();
      if (after >= newest) return { events: [], head: newest, next: newest, gap: after > newest };
      const arrivals = await engine.query<Arrival>(
        `SELECT id, ts, batch, idx FROM arrivals WHERE id > {after:UInt64} AND id <= {newest:UInt64} AND ts >= {fence:UInt64}
         ORDER BY id ASC LIMIT {rows:UInt32}`,
        { after, newest, fence: fence(), rows: limit + 1 },
      );
      const page = arrivals.slice(0, limit);
      const [first] = page;
      const last = page.at(-1);
      const gap = mayMiss(after, first?.id, swept()) && (first === undefined || first.id > after + 1);
      if (!first || !last) return { events: [], head: newest, next: newest, gap };
      const [events, copies] = await Promise.all([eventsOf(first.id, last.id), copiesAmong(engine, page)]);
      return {
        events: events.filter(({ id }) => !copies.has(id)),
        head: newest,
        next: arrivals.length > limit ? last.id : newest,
        gap,
      };
    },
  };
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
