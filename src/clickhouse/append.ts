/**
 * Stores batches: looks up which are there already, gives the rest ids, and writes events first, then that their batches are whole.
 *
 * 1. A batch under way in this process is joined: its retry comes to what it comes to.
 * 2. A batch that `batches` has, not over seven days old, is a duplicate.
 * 3. Its events are inserted, each with its identity. Where that fails half-way, or its answer is lost, some may be there: the
 *    retry finds them in `placed` and inserts the same rows again, ids and times too, whatever its own clock says; only of two tries
 *    at the same moment by two collectors neither sees the other's, and readers know the copies by their identity.
 * 4. Its row in `batches` follows once all events are durable, and then it is acknowledged.
 */
import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { EventBatch, NewEvent } from '../domain/event.js';
import { SEEN_MS } from '../domain/limits.js';
import { type AppendResult, StoreFailed, type StoreStats } from '../store/port.js';
import { type Engine, RowsRefused } from './connect.js';
import type { IdSource } from './ids.js';
import { digest, type EventRow, toRow } from './rows.js';
import { MADE_BATCH } from './schema.js';

type AppendStats = Omit<StoreStats, 'head' | 'file_bytes' | 'queue_requests' | 'queue_bytes'>;

export interface Appender {
  append(batches: readonly EventBatch[]): Promise<PromiseSettledResult<AppendResult>[]>;
  readonly stats: Readonly<AppendStats>;
  /** The least id of an insert that is under way. */
  leastUnderWay(): number | undefined;
  /** Settles when nothing is under way. */
  idle(): Promise<void>;
}

interface AppendOptions {
  engine: Engine;
  ids: IdSource;
  /** Whether ids may be given. */
  mayGiveIds: () => boolean;
  /** Events below are late. */
  fence: () => number;
  onStored: () => Promise<void>;
}

/** A batch on its way in. */
interface Work {
  batch: EventBatch;
  base: string;
  generation: number;
  rows: EventRow[];
}

/** An event as it was stored before, in a try that nobody was told the end of. */
interface Placed {
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
const NO_NUMBER = 'this collector could not renew its number, and waits for another one';

export function openAppender({ engine, ids, mayGiveIds, fence, onStored }: AppendOptions): Appender {
  const stats: AppendStats = {
    late_events: 0,
    deduplicated_batches: 0,
    commits: 0,
    committed_batches: 0,
    committed_events: 0,
    commit_seconds: 0,
  };
  /** By base: settles with the outcome of the batch that is under way. */
  const underWay = new Map<string, Promise<AppendResult>>();
  const firstIds = new Set<number>();
  const appends = new Set<Promise<unknown>>();
  /** Settles once all that came before has its ids. */
  let numbered: Promise<void> = Promise.resolve();

  const seenOf = async (bases: readonly string[]): Promise<Map<string, SeenRow>> => {
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
  };

  /** What was stored of batches, by identity and place. */
  const placedOf = async (identities: readonly string[]): Promise<Map<string, Placed>> => {
    const found = new Map<string, Placed>();
    for (let at = 0; at < identities.length; at += LOOKED_UP_AT_ONCE) {
      const rows = await engine.query<Placed>(
        `SELECT batch, idx, min(id) AS least_id, argMin(ts, id) AS its_ts, argMin(told_ts, id) AS its_told_ts FROM placed
         WHERE batch IN (SELECT arrayJoin({identities:Array(String)})) GROUP BY batch, idx`,
        { identities: identities.slice(at, at + LOOKED_UP_AT_ONCE) },
      );
      for (const row of rows) found.set(`${row.batch}/${row.idx}`, row);
    }
    return found;
  };

  const number = (work: Work, placed: ReadonlyMap<string, Placed>): void => {
    const { batch } = work;
    const identity = identityOf(work);
    const bound = fence();
    const due = batch.events
      .map((event, idx) => asPlaced(event, idx, placed.get(`${identity}/${idx}`)))
      .filter(({ event }) => event.ts >= bound);
    if (batch.firstId !== undefined && due.length < batch.events.length)
      throw new RangeError('events below the retention fence cannot be imported');
    const wanting = due.filter(({ id }) => id === undefined).length;
    const given = batch.firstId === undefined ? ids.take(wanting) : ids.import(batch.firstId, wanting);
    let next = 0;
    work.rows = due.map(({ event, idx, id }) =>
      toRow(batch.app, event, id ?? given[next++] ?? 0, { batch: identity, idx }),
    );
  };

  /** Which of the works are new, numbered; what becomes of the others is settled. In order of arrival. */
  const prepare = async (
    fresh: readonly Work[],
    settled: Map<Work, AppendResult | Error>,
  ): Promise<Work[]> => {
    const before = numbered;
    let end: () => void = () => {};
    numbered = new Promise((resolve) => {
      end = resolve;
    });
    try {
      const named = fresh.filter(({ batch }) => batch.batchId !== undefined);
      const bases = named.map(({ base }) => base);
      const [seen, placed] = await Promise.all([seenOf(bases), placedOf(bases)]);
      const works = fresh.filter((work) => {
        const known = seen.get(work.base);
        if (!known) return true;
        work.generation = Number(known.generation) + 1;
        const isDuplicate = work.batch.receivedAt - Number(known.received_at) <= SEEN_MS;
        if (isDuplicate) settled.set(work, 'duplicate');
        return !isDuplicate;
      });
      const again = works.filter(({ generation }) => generation > 0).map(identityOf);
      const placedAgain = await placedOf(again);
      await before;
      if (!mayGiveIds()) throw new StoreFailed(NO_NUMBER);
      return works.filter((work) => {
        try {
          number(work, work.generation === 0 ? placed : placedAgain);
          return true;
        } catch (error) {
          settled.set(work, error as Error);
          return false;
        }
      });
    } finally {
      end();
    }
  };

  /** Inserts the works' rows, and then that they are whole. */
  const insert = async (works: readonly Work[]): Promise<void> => {
    const rows = works.flatMap((work) => work.rows);
    const firstId = rows.reduce((least, { id }) => Math.min(least, id), Number.MAX_SAFE_INTEGER);
    firstIds.add(firstId);
    try {
      if (rows.length > 0) await engine.insert('events', rows);
      const whole = works.flatMap(({ base, generation, batch: { app, batchId, receivedAt } }) =>
        batchId === undefined ? [] : [{ base, app, batch_id: batchId, generation, received_at: receivedAt }],
      );
      if (whole.length > 0) await engine.insert('batches', whole);
    } finally {
      firstIds.delete(firstId);
    }
    stats.commits++;
    stats.committed_batches += works.length;
    stats.committed_events += rows.length;
    for (const { batch, rows } of works) stats.late_events += batch.events.length - rows.length;
  };

  /** What cannot be stored together is stored apart, so that one batch the engine refuses fails alone. */
  const insertEach = async (works: readonly Work[]): Promise<Map<Work, Error | undefined>> => {
    const outcome = new Map<Work, Error | undefined>();
    if (works.length === 0) return outcome;
    try {
      await insert(works);
      for (const work of works) outcome.set(work, undefined);
    } catch (error) {
      if (works.length === 1 || !(error instanceof RowsRefused)) {
        const failed = new StoreFailed((error as Error).message, { cause: error });
        for (const work of works) outcome.set(work, failed);
        return outcome;
      }
      for (const work of works) for (const one of await insertEach([work])) outcome.set(...one);
    }
    return outcome;
  };

  const store = async (fresh: readonly Work[]): Promise<Map<Work, AppendResult | Error>> => {
    const start = performance.now();
    const settled = new Map<Work, AppendResult | Error>();
    try {
      const works = await prepare(fresh, settled);
      for (const [work, error] of await insertEach(works)) settled.set(work, error ?? 'stored');
      if (works.length > 0) await onStored();
    } catch (error) {
      const failed = new StoreFailed((error as Error).message, { cause: error });
      for (const work of fresh) if (!settled.has(work)) settled.set(work, failed);
    }
    stats.commit_seconds += (performance.now() - start) / 1_000;
    return settled;
  };

  const appendAll = async (batches: readonly EventBatch[]): Promise<PromiseSettledResult<AppendResult>[]> => {
    const fresh: Work[] = [];
    let settle: (settled: Map<Work, AppendResult | Error>) => void = () => {};
    const all = new Promise<Map<Work, AppendResult | Error>>((resolve) => {
      settle = resolve;
    });
    const outcomes = batches.map((batch): Promise<AppendResult> => {
      const { app, batchId } = batch;
      const base = batchId === undefined ? MADE_BATCH + digest(randomUUID()) : digest(app, batchId);
      const joined = underWay.get(base);
      if (joined) return joined.then(() => 'duplicate');
      const work: Work = { batch, base, generation: 0, rows: [] };
      fresh.push(work);
      const outcome = all.then((settled) => resultOf(settled.get(work)));
      underWay.set(base, outcome);
      const leave = () => underWay.delete(base);
      void outcome.then(leave, leave);
      return outcome;
    });
    settle(await store(fresh));
    const settled = await Promise.allSettled(outcomes);
    for (const one of settled)
      if (one.status === 'fulfilled' && one.value === 'duplicate') stats.deduplicated_batches++;
    return settled;
  };

  return {
    append(batches) {
      const appending = appendAll(batches);
      appends.add(appending);
      void appending.finally(() => appends.delete(appending));
      return appending;
    },
    stats,
    leastUnderWay: () => (firstIds.size === 0 ? undefined : Math.min(...firstIds)),
    async idle() {
      await Promise.allSettled(appends);
    },
  };
}

const identityOf = ({ base, generation }: Work): string =>
  generation === 0 ? base : digest(base, generation);

/** An event with the id and times it was stored with before, where it was. */
function asPlaced(
  event: NewEvent,
  idx: number,
  placed: Placed | undefined,
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

function resultOf(result: AppendResult | Error | undefined): AppendResult {
  if (result instanceof Error) throw result;
  if (result === undefined) throw new StoreFailed('nothing became of the batch');
  return result;
}
