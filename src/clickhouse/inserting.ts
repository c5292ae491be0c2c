/** Inserts the rows of batches, and then that the batches are whole. */
import { StoreFailed, type StoreStats } from '../store/port.js';
import { type Engine, RowsRefused } from './connect.js';
import type { Work } from './numbering.js';
import { insertEvents } from './partitions.js';

export type AppendStats = Omit<StoreStats, 'head' | 'file_bytes' | 'queue_requests' | 'queue_bytes'>;

/** Counts what it stores in `stats`. */
export function openInserter(engine: Engine, stats: AppendStats) {
  const firstIds = new Set<number>();

  /** Inserts the works' rows, and then that they are whole. */
  const insert = async (works: readonly Work[]): Promise<void> => {
    const rows = works.flatMap((work) => work.rows);
    const firstId = rows.reduce((least, { id }) => Math.min(least, id), Number.MAX_SAFE_INTEGER);
    firstIds.add(firstId);
    try {
      if (rows.length > 0) await insertEvents(engine, rows);
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

  /** Settles with each batch's error, if any. After refused rows it inserts each batch by itself. */
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

  /** The least id of an insert that is under way. */
  const leastUnderWay = () => (firstIds.size === 0 ? undefined : Math.min(...firstIds));
  return { insertEach, leastUnderWay };
}
