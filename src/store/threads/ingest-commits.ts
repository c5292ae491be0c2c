/** Commits of the ingest thread: each continues the log and the pending groups, and goes to the WAL. */
import { UNAPPLIED_BYTES_MAX } from '../../domain/limits.js';
import { openLog } from '../../log/batches/log.js';
import { openEnv } from '../../log/file/env.js';
import { readUnapplied } from '../../log/wal/apply.js';
import type { SealedCommit } from '../../log/wal/commit.js';
import { parseCommitGroup } from '../../log/wal/commit-group.js';
import { openPending } from '../../log/wal/pending.js';
import { openWal } from '../../log/wal/wal.js';
import { type Meters, threadsClock } from '../../telemetry/meters.js';
import { openCommitting, openFailStop } from '../committing.js';
import { openTimeEvidence } from '../retention.js';

export type IngestCommits = ReturnType<typeof openIngestCommits>;

/**
 * `onDurable` gets each group once it is durable, first those that the last run left in the WAL: what is
 * accepted next continues them, however long the writer takes. `onFailure` is called when the WAL fails.
 * Throws `StoreUnusable`.
 */
export function openIngestCommits(
  dataDir: string,
  meters: Meters,
  onDurable: (group: Buffer) => void,
  onFailure: (error: Error) => void,
) {
  const env = openEnv(dataDir, { mode: 'write' });
  const log = openLog(env);
  const timeEvidence = openTimeEvidence(env, log);
  const pending = openPending(log);
  const kept = readUnapplied(dataDir, log);
  const from = kept.length > 0 ? log.counters().commit : undefined;
  const wal = openWal(dataDir, log.storeId, meters.sync_seconds, from);
  const unapplied = openUnapplied(meters);
  const failStop = openFailStop(onFailure);

  const makeDurable = (sealed: SealedCommit): void => {
    failStop.write(() => wal.append(sealed.bytes));
    takeOn(sealed);
  };
  /** The next commit continues from it, and the writer applies it. */
  const takeOn = (durable: Omit<SealedCommit, 'events'>): void => {
    unapplied.add(durable);
    onDurable(durable.bytes);
    pending.push(durable);
  };
  for (const group of kept) {
    const { commit, next, texts, batchIds } = parseCommitGroup(group);
    // A copy, since the message takes its memory along.
    takeOn({ bytes: Buffer.from(new Uint8Array(group).buffer), commit, next, texts, batchIds });
  }
  return {
    ...openCommitting({ base: pending, failStop, makeDurable, meters }),
    pending,
    /** Whether the tables know the app: reads of the writer thread do not see what is only pending. */
    isAppApplied: (app: string) => log.dictionaries.number('app', app) !== undefined,
    timeEvidence,
    /** Whether the writer is so far behind that no more groups may be made. */
    isFull: unapplied.isFull,
    /** The tables hold every group up to this commit. */
    applied(commit: number): void {
      env.renewSnapshot();
      pending.applied(commit);
      wal.applied(commit);
      unapplied.applied(commit);
    },
    async close() {
      wal.close();
      await env.close();
    },
  };
}

/** The groups that are durable and not in the tables yet. */
function openUnapplied(meters: Meters) {
  let groups: { commit: number; bytes: number; durableAt: number }[] = [];
  let bytes = 0;
  const note = (): void => {
    meters.set('unapplied_commits', groups.length);
    meters.set('unapplied_bytes', bytes);
    meters.set('unapplied_since', groups[0]?.durableAt ?? 0);
  };
  return {
    add({ commit, bytes: { length } }: Pick<SealedCommit, 'commit' | 'bytes'>): void {
      groups.push({ commit, bytes: length, durableAt: threadsClock() });
      bytes += length;
      note();
    },
    applied(commit: number): void {
      groups = groups.filter((group) => group.commit > commit);
      bytes = groups.reduce((sum, group) => sum + group.bytes, 0);
      note();
    },
    isFull: () => bytes > UNAPPLIED_BYTES_MAX,
  };
}
