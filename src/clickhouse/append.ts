/**
 * Stores batches: the events first, then that their batch is complete.
 *
 * 1. A retry of a batch that is under way in this process gets the outcome of the first try.
 * 2. A batch that `batches` has, not over seven days old, is a duplicate.
 * 3. Events are inserted, each with its identity. If that fails half-way, or its answer is lost, the retry
 *    finds the stored rows in `placed` and inserts the same rows again, with their ids and times. Two tries
 *    at the same moment through two collectors do not see each other's rows; readers know the copies by their
 *    identity.
 * 4. The row in `batches` follows when all events are durable. Then the batch is acknowledged.
 */
import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { EventRequest } from '../domain/event.js';
import { type AppendResult, StoreFailed } from '../store/port.js';
import { type AppendStats, openInserter } from './inserting.js';
import { type NumberingOptions, type Outcomes, openNumbering, type Work } from './numbering.js';
import { digest } from './rows.js';
import { MADE_BATCH } from './schema.js';

export type Appender = ReturnType<typeof openAppender>;

interface AppendOptions extends NumberingOptions {
  onStored: () => Promise<void>;
}

export function openAppender({ onStored, ...options }: AppendOptions) {
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
  const appends = new Set<Promise<unknown>>();
  const prepare = openNumbering(options);
  const { insertEach, leastUnderWay } = openInserter(options.engine, stats);

  const store = async (fresh: readonly Work[]): Promise<Outcomes> => {
    const start = performance.now();
    const settled: Outcomes = new Map();
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

  const appendAll = async (
    batches: readonly EventRequest[],
  ): Promise<PromiseSettledResult<AppendResult>[]> => {
    const fresh: Work[] = [];
    const { all, report } = outcomesLater();
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
    report(await store(fresh));
    const settled = await Promise.allSettled(outcomes);
    for (const one of settled)
      if (one.status === 'fulfilled' && one.value === 'duplicate') stats.deduplicated_batches++;
    return settled;
  };

  return {
    append(batches: readonly EventRequest[]): Promise<PromiseSettledResult<AppendResult>[]> {
      const appending = appendAll(batches);
      appends.add(appending);
      void appending.finally(() => appends.delete(appending));
      return appending;
    },
    stats,
    leastUnderWay,
    /** Settles when nothing is under way. */
    async idle(): Promise<void> {
      await Promise.allSettled(appends);
    },
  };
}

/** Outcomes that are known once `report` is called. */
function outcomesLater() {
  let report: (outcomes: Outcomes) => void = () => {};
  const all = new Promise<Outcomes>((resolve) => {
    report = resolve;
  });
  return { all, report };
}

function resultOf(result: AppendResult | Error | undefined): AppendResult {
  if (result instanceof Error) throw result;
  if (result === undefined) throw new StoreFailed('nothing became of the batch');
  return result;
}
