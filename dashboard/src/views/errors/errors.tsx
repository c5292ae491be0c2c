/** Groups of errors, and bug reports beside them. */
import { useMemo } from 'preact/hooks';
import type { ErrorGroupRow, Event } from '../../api/client.js';
import { useQuery } from '../../api/use-query.js';
import { finder } from '../../format/find.js';
import { count, counted } from '../../format/number.js';
import { dayOf, daysBetween } from '../../format/time.js';
import { type Address, href, useAddress, useParam } from '../../router.js';
import { Sparkline } from '../../ui/chart.js';
import { incidentHref, Severity } from '../../ui/event-text.js';
import { Choices, Field, useChoice } from '../../ui/filters.js';
import { appAndRange, type Range, RangePicker, useRange } from '../../ui/range.js';
import { Empty, Loaded } from '../../ui/states.js';
import { type Column, Table } from '../../ui/table.js';
import { Ago, At } from '../../ui/time.js';

const GROUPS_MAX = 500;
const REPORTS_MAX = 100;
const SPARK_DAYS_MAX = 90;

const ORDERS = { '': 'Most frequent', latest: 'Latest', new: 'Newest' };
const COMPARE: Record<keyof typeof ORDERS, (a: ErrorGroupRow, b: ErrorGroupRow) => number> = {
  '': () => 0,
  latest: (a, b) => b.last_seen - a.last_seen,
  new: (a, b) => b.first_seen - a.first_seen,
};

export function ErrorsView() {
  const [app] = useParam('app');
  const [text, setText] = useParam('text');
  const [order, setOrder] = useChoice('order', ORDERS);
  const range = useRange('30d');
  const { from, to } = range;
  const ask = { app, from, to, limit: GROUPS_MAX };
  const query = useQuery('errors', ask, { refresh: true, keep: true });
  const groups = query.data?.groups;
  const shown = useMemo(() => {
    const has = finder(text);
    return groups?.filter(({ name, frame, app }) => has(name, frame, app)).sort(COMPARE[order]) ?? [];
  }, [groups, text, order]);
  return (
    <div class="page fill">
      <div class="page-head">
        <h1>Errors</h1>
        {groups !== undefined && (
          <span class="soft" role="status">
            {text === ''
              ? counted(groups.length, 'group')
              : `${count(shown.length)} of ${counted(groups.length, 'group')}`}
          </span>
        )}
        <div class="end filters">
          <Choices
            label="Order"
            value={order}
            choices={ORDERS}
            onChange={(value) => setOrder(value, 'push')}
          />
          <Field label="Find" value={text} onChange={setText} placeholder="message, place" live />
          <RangePicker range={range} />
        </div>
      </div>
      <div class="errors-body">
        <section class="errors-groups" aria-label="Groups of errors">
          <Loaded query={query} lines={12}>
            {() =>
              shown.length === 0 ? (
                <NoErrors text={text} range={range} />
              ) : (
                <Groups groups={shown} range={range} />
              )
            }
          </Loaded>
        </section>
        <Reports app={app} range={range} />
      </div>
    </div>
  );
}

function Groups({ groups, range }: { groups: readonly ErrorGroupRow[]; range: Range }) {
  const address = useAddress();
  const days = useMemo(() => daysOf(groups, range), [groups, range.from, range.to]);
  const severalApps = groups.some(({ app }) => app !== groups[0]?.app);
  const columns = useMemo(() => columnsOf(days, severalApps, address), [days, severalApps, address]);
  return (
    <Table
      label="Groups of errors"
      rows={groups}
      columns={columns}
      rowKey={({ group }) => group}
      rowHeight={56}
      foot={groups.length === GROUPS_MAX ? `Showing the ${GROUPS_MAX} most frequent` : undefined}
    />
  );
}

function columnsOf(days: readonly string[], severalApps: boolean, address: Address): Column<ErrorGroupRow>[] {
  const kept = appAndRange(address);
  return [
    {
      label: 'Error',
      width: 'minmax(0, 1fr)',
      render: ({ group, name, frame, app }) => (
        <a class="row-link two-lines" href={href('/errors/:group', { group }, kept)}>
          <span class="cut name-error">{name}</span>
          <span class="cut soft">
            {severalApps && `${app} · `}
            <code>{frame ?? 'no stack'}</code>
          </span>
        </a>
      ),
    },
    {
      label: 'By day',
      width: '150px',
      wide: true,
      render: (row) => <ByDay row={row} days={days} />,
    },
    {
      label: 'Events',
      width: '64px',
      align: 'end',
      render: (row) => <b>{count(row.count)}</b>,
    },
    {
      label: 'Users',
      width: '52px',
      align: 'end',
      wide: true,
      render: (row) => count(row.user_count),
    },
    {
      label: 'First',
      width: '104px',
      align: 'end',
      wide: true,
      render: (row) => <At ts={row.first_seen} />,
    },
    { label: 'Last', width: '84px', align: 'end', render: (row) => <Ago ts={row.last_seen} /> },
  ];
}

function ByDay({ row, days }: { row: ErrorGroupRow; days: readonly string[] }) {
  const counts = new Map(row.by_day.map(({ day, count }) => [day, count]));
  return (
    <Sparkline
      values={days.map((day) => counts.get(day) ?? 0)}
      label={`${counted(row.count, 'time')} over ${counted(days.length, 'day')}`}
    />
  );
}

function Reports({ app, range: { from, to } }: { app: string; range: Range }) {
  const ask = { app, type: 'bug_report', from, to, limit: REPORTS_MAX } as const;
  const query = useQuery('events', ask, { refresh: true, keep: true });
  const reports = query.data?.events;
  return (
    <section class="reports" aria-label="Bug reports">
      <div class="reports-head">
        <h2>Reports</h2>
        {reports !== undefined && (
          <span class="soft">
            {reports.length === REPORTS_MAX ? `${REPORTS_MAX} most recent` : count(reports.length)}
          </span>
        )}
      </div>
      <Loaded query={query} lines={8}>
        {({ events }) =>
          events.length === 0 ? (
            <Empty title="No bug reports" />
          ) : (
            <ul class="report-list">
              {events.map((event) => (
                <li key={event.id}>
                  <Report event={event} />
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </section>
  );
}

function Report({ event }: { event: Event }) {
  const { comment, severity } = event.props ?? {};
  return (
    <a class="report" href={incidentHref(event)}>
      <span class="report-comment">{typeof comment === 'string' ? comment : event.name}</span>
      <span class="report-facts soft">
        <Severity value={typeof severity === 'string' ? severity : ''} />
        <span class="cut">{event.user_id}</span>
        <Ago ts={event.ts} />
      </span>
    </a>
  );
}

function NoErrors({ text, range }: { text: string; range: Range }) {
  if (text !== '')
    return <Empty title="No matching errors">Nothing among these groups matches “{text}”.</Empty>;
  return <Empty title="No errors">No errors reported {range.within}.</Empty>;
}

/** The days of the range that the small bars show, ascending. */
function daysOf(groups: readonly ErrorGroupRow[], { from, to }: Range): string[] {
  const now = Date.now();
  const last = Math.max(...groups.map(({ last_seen }) => last_seen), Math.min(to ?? now, now));
  const first = from ?? Math.min(...groups.map(({ first_seen }) => first_seen));
  const days = daysBetween(Math.min(first, last), last);
  return days.length > 0 ? days.slice(-SPARK_DAYS_MAX) : [dayOf(last)];
}
