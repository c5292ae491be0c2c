/** A table with a sticky head, rows of one height that are drawn when in sight, and whole-row links. */
import type { ComponentChildren, RefObject } from 'preact';
import { useRef } from 'preact/hooks';
import { useManyApps } from '../api/use-query.js';
import { Rows } from './rows.js';

export interface Column<T> {
  /** Unique in the table. `App` is left out where only one app is configured. */
  label: string;
  /** A grid track: `120px`, `minmax(0, 1fr)`. */
  width: string;
  align?: 'end';
  /** Left out on narrow screens. */
  wide?: true;
  /** Only on narrow screens. */
  narrow?: true;
  /** The first column's link is the link of the whole row. */
  render: (row: T) => ComponentChildren;
}

interface TableProps<T> {
  /** For screen readers. */
  label: string;
  rows: readonly T[];
  columns: readonly Column<T>[];
  rowKey: (row: T) => string | number;
  /** Marks the row that is open beside the table. */
  isSelected?: (row: T) => boolean;
  rowClass?: (row: T) => string;
  rowHeight?: number;
  onEnd?: () => void;
  /** Below the last row. */
  foot?: ComponentChildren;
  /** The element that scrolls. */
  scroller?: RefObject<HTMLDivElement>;
}

const ROW_HEIGHT = 36;

export function Table<T>(props: TableProps<T>) {
  const { label, rows, rowKey, isSelected, rowClass, rowHeight = ROW_HEIGHT, onEnd, foot } = props;
  const manyApps = useManyApps();
  const columns = props.columns.filter(({ label }) => manyApps || label !== 'App');
  const own = useRef<HTMLDivElement>(null);
  const scroller = props.scroller ?? own;
  const tracks = (shown: readonly Column<T>[]) => shown.map(({ width }) => width).join(' ');
  const style = {
    '--tracks': tracks(columns.filter(({ narrow }) => !narrow)),
    '--narrow-tracks': tracks(columns.filter(({ wide }) => !wide)),
  };
  const cellClass = ({ align, wide, narrow }: Column<T>) =>
    `cell${align ? ' end' : ''}${wide ? ' wide' : ''}${narrow ? ' narrow' : ''}`;
  return (
    <div
      ref={scroller}
      class="table"
      role="table"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      style={style}
      tabIndex={0}
    >
      <div role="rowgroup" class="table-head">
        <div class="row" role="row" aria-rowindex={1}>
          {columns.map((column) => (
            <div key={column.label} class={cellClass(column)} role="columnheader">
              {column.label}
            </div>
          ))}
        </div>
      </div>
      <Rows
        scroller={scroller}
        count={rows.length}
        rowHeight={rowHeight}
        onEnd={onEnd}
        render={(index) => {
          const row = rows[index] as T;
          const selected = isSelected?.(row) ?? false;
          return (
            <div
              key={rowKey(row)}
              class={`row body-row ${rowClass?.(row) ?? ''}${selected ? ' selected' : ''}`}
              role="row"
              aria-rowindex={index + 2}
              aria-current={selected ? 'true' : undefined}
              style={{ height: rowHeight }}
            >
              {columns.map((column) => (
                <div key={column.label} class={cellClass(column)} role="cell">
                  {column.render(row)}
                </div>
              ))}
            </div>
          );
        }}
      />
      {foot !== undefined && <div class="table-foot soft">{foot}</div>}
    </div>
  );
}
