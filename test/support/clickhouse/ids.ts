/** Consecutive ids for an engine with one collector, so that its answers can be compared with the embedded engine's. */
import type { IdSource } from '../../../src/clickhouse/ids.js';

export function consecutiveIds(head: number): IdSource {
  let next = head + 1;
  const importIds = (firstId: number, count: number): number[] => {
    if (firstId < next) throw new RangeError(`id ${firstId} was given already: the next is ${next}`);
    next = firstId + count;
    return Array.from({ length: count }, (_, index) => firstId + index);
  };
  return { take: (count) => importIds(next, count), import: importIds };
}
