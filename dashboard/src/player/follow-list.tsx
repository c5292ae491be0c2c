/** A list that follows the time: the latest entry is marked and kept in sight, and each is a way to its moment. */
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';

interface FollowListProps<T> {
  label: string;
  /** Ascending by `ts`. */
  items: readonly T[];
  keyOf: (item: T, index: number) => string | number;
  time: number;
  /** Which entry is open, by its key. */
  open?: string | number | undefined;
  onChoose: (item: T, key: string | number) => void;
  render: (item: T) => ComponentChildren;
  /** Below the entry that is open. */
  renderMore?: (item: T) => ComponentChildren;
  classOf?: (item: T) => string;
  empty: string;
}

export function FollowList<T extends { ts: number }>(props: FollowListProps<T>) {
  const { label, items, keyOf, time, open, onChoose, render, renderMore, classOf, empty } = props;
  const list = useRef<HTMLOListElement>(null);
  const now = lastBy(items, time);

  useEffect(() => {
    const element = list.current;
    // Whoever reads in the list is not to lose the place.
    if (element === null || element.matches(':hover')) return;
    const row = element.children[Math.max(0, now)];
    if (!(row instanceof HTMLElement)) return;
    const above = row.offsetTop - element.offsetTop - element.scrollTop;
    if (above >= 0 && above + row.offsetHeight <= element.clientHeight) return;
    element.scrollTop += above - element.clientHeight / 2;
  }, [now, items]);

  // While the time runs the rows stay as they are until another one is the latest.
  const rows = useMemo(
    () =>
      items.map((item, index) => {
        const key = keyOf(item, index);
        const isOpen = key === open;
        const when = index === now ? 'now' : index > now ? 'later' : '';
        return (
          <li key={key} class={`follow-item ${when} ${classOf?.(item) ?? ''}`}>
            <button
              type="button"
              class="follow-row"
              aria-current={index === now ? 'true' : undefined}
              aria-expanded={renderMore === undefined ? undefined : isOpen}
              onClick={() => onChoose(item, key)}
            >
              {render(item)}
            </button>
            {isOpen && renderMore?.(item)}
          </li>
        );
      }),
    [items, now, open, render],
  );
  if (items.length === 0) return <p class="follow-empty soft">{empty}</p>;
  return (
    <ol ref={list} class="follow" aria-label={label}>
      {rows}
    </ol>
  );
}

/** The place of the last item by a time; −1 before the first. */
function lastBy(items: readonly { ts: number }[], time: number): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((items[middle]?.ts ?? 0) <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
