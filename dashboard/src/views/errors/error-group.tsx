/** One group of errors: counts by day, its occurrences, and the stack of each. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { type ClientError, client, type ErrorGroupRow, type Event, noted } from '../../api/client.js';
import { useWhenBack } from '../../api/connection.js';
import { useQuery } from '../../api/use-query.js';
import { count, counted } from '../../format/number.js';
import { type Address, hereHref, href, setQuery, useAddress, useParam } from '../../router.js';
import { Button } from '../../ui/button.js';
import { DayChart } from '../../ui/day-chart.js';
import { incidentHref, replayHref, userHref } from '../../ui/event-text.js';
import { Fact } from '../../ui/fact.js';
import { PropsView } from '../../ui/props-view.js';
import { appAndRange, RangePicker, useRange } from '../../ui/range.js';
import { Stack } from '../../ui/stack.js';
import { Empty, Failure, Loaded, Loading } from '../../ui/states.js';
import { type Column, Table } from '../../ui/table.js';
import { Ago, At, Moment } from '../../ui/time.js';

const PAGE = 100;
const CHART_HEIGHT = 120;

export function ErrorGroupView({ group }: { group: string }) {
  const range = useRange('30d');
  const { from, to } = range;
  const query = useQuery('errors', { group, from, to }, { keep: true });
  const row = query.data?.groups[0];
  const back = appAndRange(useAddress());
  return (
    <div class="page fill">
      <div class="page-head">
        <div class="group-title">
          <p class="crumb">
            <a href={href('/errors', {}, back)}>Errors</a> / {row?.app ?? 'group'}
          </p>
          <h1 class="cut name-error" title={row?.name}>
            {row?.name ?? 'Error'}
          </h1>
          {row !== undefined && (
            <p class="soft cut">
              <code>{row.frame ?? 'no stack'}</code>
            </p>
          )}
        </div>
        <div class="end">
          <RangePicker range={range} />
        </div>
      </div>
      <Loaded query={query} lines={10}>
        {() =>
          row === undefined ? (
            <Empty title="It did not happen in this range">
              <Button onClick={() => setQuery({ range: 'all' }, 'push')}>Look at all time</Button>
            </Empty>
          ) : (
            <div class="group-body">
              <div class="group-main">
                <Facts row={row} />
                <div class="group-chart">
                  <DayChart
                    days={row.by_day}
                    range={range}
                    unit="times"
                    label={`${row.name} by day`}
                    tone="error"
                    height={CHART_HEIGHT}
                  />
                  {row.truncated && <p class="soft">Only the latest days are shown: there are too many.</p>}
                </div>
                <Occurrences group={group} from={from} to={to} total={row.count} />
              </div>
            </div>
          )
        }
      </Loaded>
    </div>
  );
}

function Facts({ row }: { row: ErrorGroupRow }) {
  return (
    <dl class="group-facts">
      <Fact name="Events">{count(row.count)}</Fact>
      <Fact name="Users">{count(row.user_count)}</Fact>
      <Fact name="First in this range">
        <At ts={row.first_seen} />
      </Fact>
      <Fact name="Last">
        <Moment ts={row.last_seen} />
      </Fact>
    </dl>
  );
}

interface OccurrencesProps {
  group: string;
  from: number | undefined;
  to: number | undefined;
  total: number;
}

function Occurrences({ group, from, to, total }: OccurrencesProps) {
  const { events, hasMore, error, loadMore, retry } = useOccurrences(group, from, to);
  const address = useAddress();
  const [chosen] = useParam('event');
  const listed = chosen === '' ? events[0] : events.find(({ id }) => `${id}` === chosen);
  // An event further down the list than was loaded is read by itself.
  const isElsewhere = listed === undefined && /^\d{1,16}$/.test(chosen);
  const other = useQuery('event', isElsewhere ? { id: Number(chosen) } : undefined);
  const selected = listed ?? other.data;
  const columns = useMemo(() => columnsAt(address), [address]);
  if (error !== undefined && events.length === 0) return <Failure error={error} retry={retry} />;
  if (events.length === 0) return <Loading lines={8} />;
  return (
    <div class="occurrences">
      <Table
        label="Occurrences, newest first"
        rows={events}
        columns={columns}
        rowKey={({ id }) => id}
        isSelected={({ id }) => id === selected?.id}
        onEnd={hasMore && error === undefined ? loadMore : undefined}
        foot={
          error !== undefined ? (
            <Failure error={error} retry={retry} />
          ) : hasMore ? (
            'Loading more …'
          ) : (
            `${counted(total, 'occurrence')}, no more`
          )
        }
      />
      {selected !== undefined && <Occurrence event={selected} />}
      {other.error !== undefined && <Failure error={other.error} retry={other.reload} />}
    </div>
  );
}

const columnsAt = (address: Address): Column<Event>[] => [
  {
    label: 'When',
    width: '180px',
    render: ({ id, ts }) => (
      <a class="row-link" href={hereHref(address, { event: `${id}` })}>
        <Moment ts={ts} />
      </a>
    ),
  },
  { label: 'User', width: 'minmax(0, 1fr)', render: ({ user_id }) => user_id },
  {
    label: 'Page',
    width: 'minmax(0, 1fr)',
    wide: true,
    render: ({ url }) => <span class="soft">{url}</span>,
  },
];

function Occurrence({ event }: { event: Event }) {
  const { stack, ...rest } = event.props ?? {};
  return (
    <aside class="occurrence" aria-label="The occurrence">
      <div class="occurrence-ways">
        <a class="button primary" href={incidentHref(event)}>
          Open the incident
        </a>
        <a class="button" href={replayHref(event, event.ts)}>
          Replay
        </a>
        <a class="text-link cut" href={userHref(event)}>
          {event.user_id}
        </a>
        <span class="soft">
          <Ago ts={event.ts} />
        </span>
      </div>
      <h2>Stack</h2>
      {typeof stack === 'string' ? <Stack text={stack} /> : <p class="soft">No stack trace was captured.</p>}
      <h2>Properties</h2>
      <PropsView props={rest} />
    </aside>
  );
}

/** The group's events, page by page; they stay while another range is read. */
function useOccurrences(group: string, from: number | undefined, to: number | undefined) {
  const [{ events, cursor }, setPages] = useState<{ events: Event[]; cursor?: string | undefined }>({
    events: [],
  });
  const [error, setError] = useState<ClientError>();
  const running = useRef<AbortController>();
  /** The cursor that was asked for last: `onEnd` is called more than once before the next page is drawn. */
  const asked = useRef<string>();
  const load = async (after: string | undefined) => {
    running.current?.abort();
    const mine = new AbortController();
    running.current = mine;
    setError(undefined);
    try {
      const ask = { group, from, to, limit: PAGE, cursor: after };
      const page = await client.ask('occurrences', ask, { signal: mine.signal });
      setPages((known) => ({
        events: after === undefined ? page.events : [...known.events, ...page.events],
        cursor: page.next_cursor,
      }));
    } catch (reason) {
      if (mine.signal.aborted) return;
      setError(noted(reason));
    }
    running.current = undefined;
  };
  useEffect(() => {
    asked.current = undefined;
    void load(undefined);
    return () => running.current?.abort();
  }, [group, from, to]);
  const retry = () => {
    if (running.current === undefined) void load(cursor);
  };
  const loadMore = () => {
    if (asked.current === cursor) return;
    asked.current = cursor;
    retry();
  };
  useWhenBack(error, retry);
  return { events, error, hasMore: cursor !== undefined, loadMore, retry };
}
