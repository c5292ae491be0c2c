/** Which of the batches on their way in are new, and the ids of their events. */
import type { EventRequest, NewEvent } from '../domain/event.js';
import { SEEN_MS } from '../domain/limits.js';
import { type AppendResult, StoreFailed } from '../store/port.js';
import type { Engine } from './connect.js';
import type { IdSource } from './ids.js';
import { digest, type EventRow, toRow } from './rows.js';

/** A batch on its way in. */
export interface Work {
  batch: EventRequest;
  base: string;
  generation: number;
  rows: EventRow[];
}

export interface NumberingOptions {
  engine: Engine;
  ids: IdSource;
  /** Whether ids may be given. */
  mayGiveIds: () => boolean;
  /** Events below are late. */
  fence: () => number;
}

export type Outcomes = Map<Work, AppendResult | Error>;

/** An event as it was stored before, in a try that nobody was told the end of. */
interface Numbered {
  batch: string;
  idx: number;
  least_id: number;
  its_ts: number;
  its_told_ts: number;
}

interface SeenRow {
  base: string;
  generation: number;
  received_at: number;
}

/** In an address, 30 characters each: the oldest servers take no more than 16 KiB. */
const LOOKED_UP_AT_ONCE = 128;
/** What happens now would lie below the fence and be dropped: an acknowledgement would be false. */
export class FenceAhead extends StoreFailed {
  constructor(fence: number, receivedAt: number) {
    const utc = (time: number) => new Date(time).toISOString();
    super(
      `the clock says ${utc(receivedAt)}, and retention has deleted everything before ${utc(fence)}: set the clock right`,
    );
  }
}

const NO_NUMBER = 'this collector could not renew its number, and waits for another one';

export function openNumbering({ engine, ids, mayGiveIds, fence }: NumberingOptions) {
  /** Settles once all that came before has its ids. */
  let numbered: Promise<void> = Promise.resolve();

  const number = (work: Work, placed: ReadonlyMap<string, Numbered>): void => {
    const { batch } = work;
    const identity = identityOf(work);
    const bound = fence();
    const due = batch.events
      .map((event, idx) => asNumbered(event, idx, placed.get(`${identity}/${idx}`)))
      .filter(({ event }) => event.ts >= bound);
    if (batch.firstId !== undefined && due.length < batch.events.length)
      throw new RangeError('events below the retention fence cannot be imported');
    if (due.length < batch.events.length && bound > batch.receivedAt)
      throw new FenceAhead(bound, batch.receivedAt);
    const wanting = due.filter(({ id }) => id === undefined).length;
    const given = batch.firstId === undefined ? ids.take(wanting) : ids.import(batch.firstId, wanting);
    let next = 0;
    work.rows = due.map(({ event, idx, id }) =>
      toRow(batch.app, event, id ?? given[next++] ?? 0, { batch: identity, idx }),
    );
  };

  /** Returns the new batches, numbered, in order of arrival; the outcomes of the others go to `outcomes`. */
  return async (fresh: readonly Work[], outcomes: Outcomes): Promise<Work[]> => {
    const before = numbered;
    let end: () => void = () => {};
    numbered = new Promise((resolve) => {
      end = resolve;
    });
    try {
      const named = fresh.filter(({ batch }) => batch.batchId !== undefined);
      const bases = named.map(({ base }) => base);
      const [seen, placed] = await Promise.all([seenOf(engine, bases), placedOf(engine, bases)]);
      const works = fresh.filter((work) => {
        const known = seen.get(work.base);
        if (!known) return true;
        work.generation = Number(known.generation) + 1;
        const isDuplicate = work.batch.receivedAt - Number(known.received_at) <= SEEN_MS;
        if (isDuplicate) outcomes.set(work, 'duplicate');
        return !isDuplicate;
      });
      const again = works.filter(({ generation }) => generation > 0).map(identityOf);
      const placedAgain = await placedOf(engine, again);
      await before;
      if (!mayGiveIds()) throw new StoreFailed(NO_NUMBER);
      return works.filter((work) => {
        try {
          number(work, work.generation === 0 ? placed : placedAgain);
          return true;
        } catch (error) {
          outcomes.set(work, error as Error);
          return false;
        }
      });
    } finally {
      end();
    }
  };
}

/** What is known of batches, by base: the latest generation of each. */
async function seenOf(engine: Engine, bases: readonly string[]): Promise<Map<string, SeenRow>> {
  const found = new Map<string, SeenRow>();
  for (let at = 0; at < bases.length; at += LOOKED_UP_AT_ONCE) {
    const rows = await engine.query<SeenRow>(
      `SELECT base, generation, max(received_at) AS received_at FROM batches
       WHERE base IN (SELECT arrayJoin({bases:Array(String)})) GROUP BY base, generation`,
      { bases: bases.slice(at, at + LOOKED_UP_AT_ONCE) },
    );
    for (const row of rows) {
      const known = found.get(row.base);
      if (!known || row.generation > known.generation) found.set(row.base, row);
    }
  }
  return found;
}

/** What was stored of batches, by identity and place. */
async function placedOf(engine: Engine, identities: readonly string[]): Promise<Map<string, Numbered>> {
  const found = new Map<string, Numbered>();
  for (let at = 0; at < identities.length; at += LOOKED_UP_AT_ONCE) {
    const rows = await engine.query<Numbered>(
      `SELECT batch, idx, min(id) AS least_id, argMin(ts, id) AS its_ts, argMin(told_ts, id) AS its_told_ts FROM placed
       WHERE batch IN (SELECT arrayJoin({identities:Array(String)})) GROUP BY batch, idx`,
      { identities: identities.slice(at, at + LOOKED_UP_AT_ONCE) },
    );
    for (const row of rows) found.set(`${row.batch}/${row.idx}`, row);
  }
  return found;
}

const identityOf = ({ base, generation }: Work): string =>
  generation === 0 ? base : digest(base, generation);

/** An event with the id and times it was stored with before, where it was. */
function asNumbered(
  event: NewEvent,
  idx: number,
  placed: Numbered | undefined,
): { event: NewEvent; idx: number; id?: number } {
  if (placed === undefined) return { event, idx };
  const { client_ts: _, ...rest } = event;
  const toldTs = Number(placed.its_told_ts);
  return {
    event: { ...rest, ts: Number(placed.its_ts), ...(toldTs === 0 ? {} : { client_ts: toldTs - 1 }) },
    idx,
    id: Number(placed.least_id),
  };
}
