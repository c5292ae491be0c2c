/** What the next commit continues from: the log, or the log and the groups on their way into it. */
import { SEEN_MS } from '../../domain/limits.js';
import { byKind, type Kind } from '../batches/dictionaries.js';
import type { Counters, Log } from '../batches/log.js';
import { seenAt, seenKey } from '../batches/seen.js';
import type { CommitBase, SealedCommit } from './commit.js';
import { createNameCache } from './name-cache.js';

/** Commits continue from what the log holds. */
export function baseOn(log: Log): CommitBase {
  return {
    counters: log.counters,
    fence: log.fence,
    number: log.dictionaries.number,
    names: createNameCache(),
    isSeen: (app, batchId, now) => seenAt(log.tables.seen, seenKey(app, batchId), now) !== undefined,
  };
}

/** Commits continue from the log and from what was pushed since. */
export function openPending(log: Log) {
  const base = baseOn(log);
  let counters: Counters = log.counters();
  let fence = log.fence();
  const numbers = byKind(() => new Map<string, number>());
  const seen = new Map<string, { receivedAt: number; commit: number }>();
  let groups: SealedCommit[] = [];

  const forget = ({ commit, texts, batchIds }: SealedCommit): void => {
    for (const { kind, number, text } of texts) {
      numbers[kind].delete(text);
      log.dictionaries.learn(kind, number, text);
    }
    for (const { app, batchId } of batchIds) {
      const key = `${app}/${batchId}`;
      if (seen.get(key)?.commit === commit) seen.delete(key);
    }
  };

  return {
    counters: () => counters,
    fence: () => fence,
    names: base.names,
    number: (kind: Kind, text: string) => numbers[kind].get(text) ?? base.number(kind, text),
    isSeen(app: number, batchId: string, now: number) {
      const known = seen.get(`${app}/${batchId}`);
      return (known !== undefined && now - known.receivedAt <= SEEN_MS) || base.isSeen(app, batchId, now);
    },
    /** Adds a group that was sealed on this base: the next commit continues from it. */
    push(sealed: SealedCommit): void {
      const { commit, next, texts, batchIds } = sealed;
      counters = next;
      for (const { kind, number, text } of texts) numbers[kind].set(text, number);
      for (const { app, batchId, receivedAt } of batchIds)
        seen.set(`${app}/${batchId}`, { receivedAt, commit });
      groups.push(sealed);
    },
    /** The log holds every group up to this commit, and reads see it: they are forgotten here. */
    applied(commit: number): void {
      const done = groups.filter((group) => group.commit <= commit);
      groups = groups.slice(done.length);
      done.forEach(forget);
    },
    /** Events below it are dropped from now on; never goes down. */
    raiseFence(raised: number): void {
      fence = Math.max(fence, raised);
    },
    /** A fence above this was wrong. */
    lowerFence(greatest: number): void {
      fence = Math.min(fence, greatest);
    },
    /** The newest commit sealed; every one up to it is in the log or here. */
    newest: () => counters.commit - 1,
  };
}
