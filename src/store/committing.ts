/** Makes commit groups of requests, and counts what was stored. */
import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import type { EventRequest } from '../domain/event.js';
import type { ColumnRequest } from '../domain/event-columns.js';
import { beginCommit, type CommitBase, type SealedCommit } from '../log/wal/commit.js';
import type { Meters } from '../telemetry/meters.js';
import { type AppendResult, StoreFailed, type StoreStats } from './port.js';

export type CommitStats = Omit<StoreStats, 'head' | 'file_bytes' | 'queue_requests' | 'queue_bytes'>;

/** What came of one request. */
export type Outcome = { result: AppendResult } | { error: Error };

export interface Committing {
  readonly stats: Readonly<CommitStats>;
  /** Stores requests in one durable group. One outcome a request, in order. */
  commit(requests: readonly (EventRequest | ColumnRequest)[]): Outcome[];
  /** The number of an app, which gets one when it has none. Throws what keeps it from being stored. */
  appNumber(app: string): number;
}

/** Refuses everything once a write has failed: the disk cannot be trusted from then on. */
export function openFailStop(onFailure: (error: StoreFailed) => void) {
  let failure: StoreFailed | undefined;
  const assertUsable = (): void => {
    if (failure) throw failure;
  };
  return {
    assertUsable,
    /** Throws `StoreFailed` if it fails, or an earlier one did. */
    write(run: () => void): void {
      assertUsable();
      try {
        run();
      } catch (error) {
        failure = new StoreFailed('a commit failed; nothing is accepted until a restart', { cause: error });
        onFailure(failure);
        throw failure;
      }
    },
  };
}

export interface CommittingOptions {
  base: CommitBase;
  failStop: ReturnType<typeof openFailStop>;
  /** Stores a group, from which `base` continues then. What it throws fails all requests of the group. */
  makeDurable(sealed: SealedCommit): void;
  meters?: Pick<Meters, 'commit_seconds' | 'group_requests'>;
}

export function openCommitting(options: CommittingOptions): Committing {
  const { base, failStop, makeDurable, meters } = options;
  const stats: CommitStats = {
    late_events: 0,
    deduplicated_batches: 0,
    commits: 0,
    committed_batches: 0,
    committed_events: 0,
    commit_seconds: 0,
  };

  const store = (requests: readonly (EventRequest | ColumnRequest)[]): Outcome[] => {
    failStop.assertUsable();
    const commit = beginCommit(base);
    let late = 0;
    const outcomes = requests.map((request): Outcome => {
      try {
        const added = commit.add(request);
        late += added.late;
        return { result: added.result };
      } catch (error) {
        return { error: error as Error };
      }
    });
    const sealed = commit.seal();
    if (!sealed) return outcomes;
    makeDurable(sealed);
    stats.commits++;
    stats.late_events += late;
    stats.committed_events += sealed.events;
    return outcomes;
  };

  const commit = (requests: readonly (EventRequest | ColumnRequest)[]): Outcome[] => {
    const start = performance.now();
    let outcomes: Outcome[];
    try {
      outcomes = store(requests);
    } catch (error) {
      outcomes = requests.map(() => ({ error: error as Error }));
    }
    const seconds = (performance.now() - start) / 1_000;
    stats.commit_seconds += seconds;
    meters?.commit_seconds.observe(seconds);
    meters?.group_requests.observe(requests.length);
    for (const outcome of outcomes) {
      if ('error' in outcome) continue;
      if (outcome.result === 'stored') stats.committed_batches++;
      else stats.deduplicated_batches++;
    }
    return outcomes;
  };

  return {
    stats,
    commit,
    appNumber(app) {
      const known = base.number('app', app);
      if (known !== undefined) return known;
      for (const outcome of commit([{ app, receivedAt: 0, events: [] }]))
        if ('error' in outcome) throw outcome.error;
      const number = base.number('app', app);
      assert(number !== undefined, 'a commit gives its app a number');
      return number;
    },
  };
}
