/**
 * Event ids without coordination: 40 bits of milliseconds since 2024, 7 bits of a collector's number, 6 bits that count within the
 * millisecond; below 2^53, and so as far as JSON carries whole numbers, until November 2058.
 *
 * Two ids are the same only if two collectors hold the same number at the same moment of their clocks, and `lease.ts` sees to it that no
 * two hold one at once. Within a process they only ever grow: a clock set back is waited out by counting on, and so is a burst of more
 * than 64 events a millisecond. They ascend with time over all collectors as far as their clocks agree.
 *
 * The embedded engine's ids are below 2^48 and these above, so that events moved here keep theirs.
 */
import assert from 'node:assert/strict';

const EPOCH_MS = Date.UTC(2024, 0, 1);
const COUNTS = 2 ** 6;
/** How many collectors may give ids at once. */
export const NODES = 2 ** 7;
const MILLISECOND = COUNTS * NODES;
/** Ids below are the embedded engine's. */
export const EMBEDDED_ID_END = 2 ** 48;

assert(2 ** 40 * MILLISECOND === 2 ** 53, 'ids are safe integers');
assert(
  (Date.UTC(2026, 0, 1) - EPOCH_MS) * MILLISECOND >= EMBEDDED_ID_END,
  'ids are above the embedded engine’s',
);

export interface IdSource {
  /** So many ids, ascending, each greater than any given before. */
  take(count: number): number[];
  /** The ids that imported events come with. Throws `RangeError` for some that cannot be theirs. */
  import(firstId: number, count: number): number[];
}

/** The least id that can be given at a moment, Unix ms: what was given before is less. */
export const leastIdAt = (ms: number): number => Math.max(0, ms - EPOCH_MS) * MILLISECOND;

/** The moment an id was given, Unix ms. */
export const timeOfId = (id: number): number => EPOCH_MS + Math.floor(id / MILLISECOND);

/** Ids of a collector under the number it has at the time. `now` gives Unix ms. */
export function createIds(nodeNow: () => number, now: () => number = Date.now): IdSource {
  /** Counts on: milliseconds since 2024 times `COUNTS`. */
  let next = 0;
  return {
    take(count) {
      const node = nodeNow();
      assert(node >= 0 && node < NODES, 'a collector’s number is one of those there are');
      next = Math.max(next, (now() - EPOCH_MS) * COUNTS);
      const ids = Array.from({ length: count }, (_, index) => {
        const at = next + index;
        return Math.floor(at / COUNTS) * MILLISECOND + node * COUNTS + (at % COUNTS);
      });
      next += count;
      return ids;
    },
    import(firstId, count) {
      if (firstId + count > EMBEDDED_ID_END)
        throw new RangeError(`id ${firstId} is none that can be imported`);
      return following(firstId, count);
    },
  };
}

const following = (firstId: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => firstId + index);

/** Ids one after the other, for an engine with one collector only: what tests compare with the embedded engine. */
export function consecutiveIds(head: number): IdSource {
  let next = head + 1;
  const importIds = (firstId: number, count: number): number[] => {
    if (firstId < next) throw new RangeError(`id ${firstId} was given already: the next is ${next}`);
    next = firstId + count;
    return following(firstId, count);
  };
  return { take: (count) => importIds(next, count), import: importIds };
}
