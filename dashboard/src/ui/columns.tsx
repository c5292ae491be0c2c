/** Columns that several tables share. */
import type { Column } from './table.js';
import { Ago, Moment } from './time.js';

export const APP_COLUMN: Column<{ app: string }> = {
  label: 'App',
  width: '110px',
  wide: true,
  render: ({ app }) => <span class="soft">{app}</span>,
};

/** For wide screens and for narrow ones. */
export const LAST_SEEN_COLUMNS: readonly Column<{ last_seen: number }>[] = [
  {
    label: 'Last seen',
    width: '175px',
    wide: true,
    render: ({ last_seen }) => <Moment ts={last_seen} />,
  },
  {
    label: 'Seen',
    width: '92px',
    narrow: true,
    align: 'end',
    render: ({ last_seen }) => <Ago ts={last_seen} />,
  },
];
