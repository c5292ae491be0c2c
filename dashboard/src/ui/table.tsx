/** The table of the dashboard: a sticky head, rows of one height drawn as they come into sight, whole-row links. */
import type { ComponentChildren, RefObject } from 'preact';
import { useRef } from 'preact/hooks';
import { useManyApps } from '../api/use-query.js';
import { Rows } from './rows.js';

export interface Column<T> {
  /** Its own within the table. `App` is left out where only one app is configured. */
  label: string;
  /** A grid track: `120px`, `minmax(0, 1fr)`. */
  width: string;
  align?: 'end';
  /** Left out where the screen is narrow. */
  wide?: true;
  /** Shown only there. */
  narrow?: true;
  /** In the first column, the row's link; the rest of the row leads there too. */
  render: (row: T) => ComponentChildren;
}

interface TableProps<T> {
  /** What it lists, for those who cannot see it. */
  label: string;
  rows: readonly T[];
  columns: readonly Column<T>[];
  rowKey: (row: T) => string | number;
  /** Marks the row, as the one that is open beside the table. */
  isSelected?: (row: T) => boolean;
  rowClass?: (row: T) => string;
  rowHeight?: number;
  onEnd?: () => void;
  /** Below the last row: that more is coming, or that there is no more. */
  foot?: ComponentChildren;
  /** The element that scrolls, for those who want to look at it. */
  scroller?: RefObject<HTMLDivElement>;
}

const ROW_HEIGHT = 36;

/** Fills its container and scrolls within it. */
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
