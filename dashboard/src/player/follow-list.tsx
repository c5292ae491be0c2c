/** A list that follows the time: the latest entry is marked and in sight, and a click seeks to its moment. */
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';

interface FollowListProps<T> {
  label: string;
  /** Ascending by `ts`. */
  items: readonly T[];
  /** A key that does not change when items are added before it. */
  keyOf: (item: T) => string | T;
  time: number;
  /** The key of the open entry. */
  open: string | T | undefined;
  onOpen: (item: T | undefined) => void;
  onSeek: (ts: number) => void;
  render: (item: T) => ComponentChildren;
  /** Below the entry that is open. */
  renderMore: (item: T) => ComponentChildren;
  classOf?: (item: T) => string;
  empty: string;
}

export function FollowList<T extends { ts: number }>(props: FollowListProps<T>) {
  const { label, items, keyOf, time, open, onOpen, onSeek, render, renderMore, classOf, empty } = props;
  const list = useRef<HTMLOListElement>(null);
  const now = items.findLastIndex(({ ts }) => ts <= time);
  const choose = (item: T) => {
    onSeek(item.ts);
    onOpen(keyOf(item) === open ? undefined : item);
  };
  const newest = useRef(choose);
  newest.current = choose;

  // Moves only the mark: while the time runs, the rows are not drawn again.
  useLayoutEffect(() => {
    const row = list.current?.children[now];
    row?.classList.add('now');
    row?.firstElementChild?.setAttribute('aria-current', 'true');
    return () => {
      row?.classList.remove('now');
      row?.firstElementChild?.removeAttribute('aria-current');
    };
  }, [now, items]);

  useEffect(() => {
    const element = list.current;
    // Somebody who reads in the list must not lose the place.
    if (element === null || element.matches(':hover')) return;
    const row = element.children[Math.max(0, now)];
    if (!(row instanceof HTMLElement)) return;
    const above = row.offsetTop - element.offsetTop - element.scrollTop;
    if (above >= 0 && above + row.offsetHeight <= element.clientHeight) return;
    element.scrollTop += above - element.clientHeight / 2;
  }, [now, items]);

  const rows = useMemo(
    () =>
      items.map((item) => {
        const key = keyOf(item);
        const isOpen = key === open;
        return (
          <li key={key} class={`follow-item ${classOf?.(item) ?? ''}`}>
            <button
              type="button"
              class="follow-row"
              aria-expanded={isOpen}
              onClick={() => newest.current(item)}
            >
              {render(item)}
            </button>
            {isOpen && renderMore(item)}
          </li>
        );
      }),
    [items, open, render],
  );
  if (items.length === 0) return <p class="follow-empty soft">{empty}</p>;
  return (
    <ol ref={list} class="follow" aria-label={label}>
      {rows}
    </ol>
  );
}
