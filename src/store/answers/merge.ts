/** Orders of listings, and merging of ordered sequences. */
import type { EventPosition } from '../../questions/cursor.js';

/** By UTF-8 bytes. UTF-16 order puts astral characters before U+E000 … U+FFFF. */
export function compareUtf8(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}

/** By `(ts, id)`. */
export const inOrder = (a: EventPosition, b: EventPosition): number => a.ts - b.ts || a.id - b.id;

/** Keeps the first `limit` of many items in an order; of equal ones the earlier added. Meant for small limits. */
export function openFirst<T>(limit: number, compare: (a: T, b: T) => number) {
  const first: T[] = [];
  return {
    /** In order. */
    first,
    add(item: T): void {
      if (first.length === limit && compare(item, first[limit - 1] as T) >= 0) return;
      let low = 0;
      let high = first.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (compare(first[middle] as T, item) <= 0) low = middle + 1;
        else high = middle;
      }
      first.splice(low, 0, item);
      if (first.length > limit) first.pop();
    },
  };
}

/** Merges sequences that ascend by `compare`. Meant for a few: one for each app or stream. */
export function* mergeOrdered<T>(
  sources: readonly Iterator<T>[],
  compare: (a: T, b: T) => number,
): Generator<T> {
  const heads: { source: Iterator<T>; value: T }[] = [];
  const pull = (source: Iterator<T>): void => {
    const step = source.next();
    if (!step.done) heads.push({ source, value: step.value });
  };
  try {
    for (const source of sources) pull(source);
    while (heads.length > 0) {
      let least = 0;
      for (let i = 1; i < heads.length; i++) {
        if (compare((heads[i] as { value: T }).value, (heads[least] as { value: T }).value) < 0) least = i;
      }
      const [head] = heads.splice(least, 1) as [{ source: Iterator<T>; value: T }];
      yield head.value;
      pull(head.source);
    }
  } finally {
    for (const source of sources) source.return?.();
  }
}

export function* take<T>(source: Iterable<T>, limit: number): Generator<T> {
  if (limit <= 0) return;
  let left = limit;
  for (const item of source) {
    yield item;
    if (--left === 0) return;
  }
}
