/** A long list that draws only the rows in sight. */
import type { ComponentChildren, RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

interface RowsProps {
  count: number;
  /** Every row has this height, px. */
  rowHeight: number;
  render: (index: number) => ComponentChildren;
  /** Called when the last row comes into sight. */
  onEnd?: (() => void) | undefined;
  /** The element that scrolls. */
  scroller: RefObject<HTMLElement>;
}

/** Rows drawn above and below those in sight, for the next step of a screen reader or a finger. */
const MARGIN_ROWS = 12;
/** The window moves by this many rows: most steps of a scroll draw nothing. */
const STEP_ROWS = 8;
/** Drawn before the height is known. */
const FIRST_ROWS = 24;

export function Rows({ count, rowHeight, render, onEnd, scroller }: RowsProps) {
  const room = useRef<HTMLDivElement>(null);
  const [[first, last], setWindow] = useState<[number, number]>([0, FIRST_ROWS]);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const look = () => {
      const above = room.current === null ? 0 : room.current.offsetTop - element.offsetTop;
      const top = Math.max(0, element.scrollTop - above);
      const from = Math.max(0, toStep(top / rowHeight - MARGIN_ROWS));
      const to = toStep((top + element.clientHeight) / rowHeight + MARGIN_ROWS) + STEP_ROWS;
      setWindow((window) => (window[0] === from && window[1] === to ? window : [from, to]));
    };
    look();
    element.addEventListener('scroll', look, { passive: true });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => {
      element.removeEventListener('scroll', look);
      observer.disconnect();
    };
  }, [count, rowHeight]);

  // After every render, since a loaded page may have added no row.
  useEffect(() => {
    if (last >= count + MARGIN_ROWS) onEnd?.();
  });

  const from = Math.min(first, count);
  const to = Math.min(last, count);
  return (
    <div
      ref={room}
      role="rowgroup"
      style={{ paddingTop: from * rowHeight, paddingBottom: (count - to) * rowHeight }}
    >
      {Array.from({ length: to - from }, (_, index) => render(from + index))}
    </div>
  );
}

const toStep = (row: number): number => Math.floor(row / STEP_ROWS) * STEP_ROWS;
