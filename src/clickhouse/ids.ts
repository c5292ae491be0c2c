/**
 * Event ids without coordination: 40 bits of milliseconds since 2024, 7 bits of a collector's number, 6 bits
 * of a count within the millisecond. Until November 2058 they stay below 2^53, exact in JSON.
 *
 * `lease.ts` gives each collector its own number. Within a process ids always grow: the count continues when
 * the clock is set back, or after 64 events in a millisecond. Over all collectors they ascend as far as
 * clocks agree.
 *
 * The embedded engine's ids are below 2^48 and these are above, so events that are moved here keep their ids.
 */
import assert from 'node:assert/strict';

const EPOCH_MS = Date.UTC(2024, 0, 1);
const COUNTS = 2 ** 6;
/** How many collectors may give ids at once. */
export const NODES = 2 ** 7;
const MILLISECOND = COUNTS * NODES;
/** All ids below this are the embedded engine's. */
export const EMBEDDED_ID_END = 2 ** 48;

assert(2 ** 40 * MILLISECOND === 2 ** 53, 'ids are safe integers');
assert(
  (Date.UTC(2026, 0, 1) - EPOCH_MS) * MILLISECOND >= EMBEDDED_ID_END,
  'ids are above the embedded engine’s',
);

export interface IdSource {
  /** Gives `count` ids, ascending, each greater than any given before. */
  take(count: number): number[];
  /** The ids of imported events. Throws `RangeError` for ids that an import cannot have. */
  import(firstId: number, count: number): number[];
}

/** The least id that can be given at a moment, Unix ms; ids given before it are less. */
export const leastIdAt = (ms: number): number => Math.max(0, ms - EPOCH_MS) * MILLISECOND;

/** The moment an id was given, Unix ms. */
export const timeOfId = (id: number): number => EPOCH_MS + Math.floor(id / MILLISECOND);

/** Gives ids under the number that `nodeNow` returns at the time. `now` returns Unix ms. */
export function createIds(nodeNow: () => number, now: () => number = Date.now): IdSource {
  /** Milliseconds since 2024 times `COUNTS`, plus the count within the millisecond. */
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
      return Array.from({ length: count }, (_, index) => firstId + index);
    },
  };
}
