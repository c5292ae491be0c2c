/** What commits continue from, in memory, and what the groups they were sealed into hold. */
import type { StoredEvent } from '../../src/domain/event.js';
import { byKind } from '../../src/log/batches/dictionaries.js';
import { decodeBatch, toEvent } from '../../src/log/batches/record-batch.js';
import type { CommitBase, SealedCommit } from '../../src/log/wal/commit.js';
import { parseCommitGroup } from '../../src/log/wal/commit-group.js';
import { createNameCache } from '../../src/log/wal/name-cache.js';

export interface MemoryBase extends CommitBase {
  /** Takes a sealed commit, which the next one continues from; returns its events as they are stored. */
  take(sealed: SealedCommit | undefined): StoredEvent[];
}

export function memoryBase(): MemoryBase {
  let counters = { offset: 1, commit: 1, app: 1, user: 1, name: 1 };
  const numbers = byKind(() => new Map<string, number>());
  const texts = byKind(() => new Map<number, string>());
  return {
    counters: () => counters,
    fence: () => 0,
    number: (kind, text) => numbers[kind].get(text),
    names: createNameCache(),
    isSeen: () => false,
    take(sealed) {
      if (!sealed) return [];
      counters = sealed.next;
      const group = parseCommitGroup(sealed.bytes);
      for (const { kind, number, text } of group.texts) {
        numbers[kind].set(text, number);
        texts[kind].set(number, text);
      }
      return group.batches.flatMap(({ value, valueEnd, offset }) => {
        const bytes = group.bytes.subarray(value, valueEnd);
        const batch = decodeBatch(bytes, offset, (kind, number) => texts[kind].get(number) ?? '');
        return Array.from(batch.ts, (_, index) => toEvent(batch, index, texts.app.get(batch.app) ?? ''));
      });
    },
  };
}
