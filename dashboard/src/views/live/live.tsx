/** Events as they are stored: filtered, paused on demand, each with its details beside the list. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Event, EventType, Json } from '../../api/client.js';
import { useQuery } from '../../api/use-query.js';
import { count, counted } from '../../format/number.js';
import { clockTime, fullTime } from '../../format/time.js';
import { type Address, hereHref, setQuery, useAddress, useParam } from '../../router.js';
import { Button } from '../../ui/button.js';
import { APP_COLUMN } from '../../ui/columns.js';
import { EventDetail } from '../../ui/event-detail.js';
import { eventLabel } from '../../ui/event-label.js';
import { EventSummary, incidentHref, isIncident, userHref } from '../../ui/event-text.js';
import { Choices, Field, useChoice } from '../../ui/filters.js';
import { Icon, TypeIcon } from '../../ui/icons.js';
import { Empty, Failure, Loading } from '../../ui/states.js';
import { type Column, Table } from '../../ui/table.js';
import { useKeys } from '../../ui/use-keys.js';
import { Start } from '../start/start.js';
import { isWithinTheHour, Minutes } from './minutes.js';
import { HELD_MAX, type LiveEvents, useLiveEvents } from './use-live-events.js';

const TYPES: Readonly<Record<EventType | '', string>> = {
  '': 'All',
  event: 'Events',
  pageview: 'Pages',
  network: 'Network',
  error: 'Errors',
  bug_report: 'Reports',
};
/** At most this many are loaded to fill the hour's bars. */
const HOUR_EVENTS_MAX = 3_000;
const AT_TOP_PX = 8;

export function LiveView() {
  const [app] = useParam('app');
  const [user] = useParam('user');
  const [session] = useParam('session');
  const [text] = useParam('text');
  const [type] = useChoice('type', TYPES);
  const [paused, setPaused] = useState(false);
  const [atTop, setAtTop] = useState(true);
  const scroller = useRef<HTMLDivElement>(null);
  const live = useLiveEvents({ user, type: type || undefined, app, session }, paused || !atTop);
  const shown = useMemo(() => live.events.filter(matcher(text)), [live.events, text]);
  useFullHour(live);

  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const look = () => setAtTop(element.scrollTop <= AT_TOP_PX);
    element.addEventListener('scroll', look, { passive: true });
    return () => element.removeEventListener('scroll', look);
  }, [live.head === undefined]);

  if (live.head === 0 && live.events.length === 0) return <Start />;
  const filtered = user !== '' || session !== '' || text !== '' || type !== '';
  const resume = () => {
    setPaused(false);
    scroller.current?.scrollTo({ top: 0 });
  };
  return (
    <div class="page fill live">
      <div class="page-head">
        <h1>Live</h1>
        <StateMark live={live} paused={paused} />
        <div class="end">
          <Button aria-pressed={paused} onClick={() => (paused ? resume() : setPaused(true))}>
            <Icon name={paused ? 'play' : 'pause'} size={14} />
            {paused ? 'Resume' : 'Pause'}
          </Button>
        </div>
      </div>
      {live.head !== undefined && (
        <Minutes events={shown} complete={!live.hasMore && live.events.length < HELD_MAX} />
      )}
      <Filters filtered={filtered} />
      <div class="live-body">
        <div class="live-list">
          {live.waiting.length > 0 && (
            <Button kind="primary live-waiting" onClick={resume}>
              <Icon name="up" size={14} />
              {counted(live.waiting.length, 'new event')}
            </Button>
          )}
          {live.error !== undefined ? (
            <Failure error={live.error} retry={live.reload} />
          ) : live.head === undefined ? (
            <Loading lines={14} />
          ) : (
            <EventTable live={live} events={shown} scroller={scroller} filtered={filtered} />
          )}
        </div>
        <Selected events={live.events} />
      </div>
    </div>
  );
}

function Filters({ filtered }: { filtered: boolean }) {
  const [type, setType] = useChoice('type', TYPES);
  const [user, setUser] = useParam('user');
  const [session, setSession] = useParam('session');
  const [text, setText] = useParam('text');
  return (
    <div class="filters live-filters">
      <Choices label="Type" value={type} choices={TYPES} onChange={(value) => setType(value, 'push')} />
      <Field label="User" value={user} onChange={(value) => setUser(value, 'push')} />
      <Field label="Session" value={session} onChange={(value) => setSession(value, 'push')} />
      <Field label="Text" value={text} onChange={setText} live />
      {filtered && (
        <Button kind="quiet" onClick={() => setQuery({ user: '', session: '', text: '', type: '' }, 'push')}>
          Clear
        </Button>
      )}
    </div>
  );
}

interface EventTableProps {
  live: LiveEvents;
  events: readonly Event[];
  scroller: { current: HTMLDivElement | null };
  filtered: boolean;
}

function EventTable({ live, events, scroller, filtered }: EventTableProps) {
  const address = useAddress();
  const columns = useMemo(() => columnsAt(address), [address]);
  const selected = selectedId(address.query.get('event') ?? '');
  if (events.length === 0 && !live.hasMore) {
    return (
      <Empty title={filtered ? 'No matching events' : 'Nothing yet'}>
        {filtered ? 'None among the events loaded so far.' : 'Events show up here as they arrive.'}
      </Empty>
    );
  }
  return (
    <Table
      label="Events, newest first"
      rows={events}
      columns={columns}
      rowKey={({ id }) => id}
      rowHeight={32}
      rowClass={({ id }) => (id > live.openedAt ? 'arrived' : '')}
      isSelected={({ id }) => id === selected}
      onEnd={live.hasMore && live.moreError === undefined ? live.loadMore : undefined}
      foot={<Foot live={live} />}
      scroller={scroller}
    />
  );
}

/** Errors and reports link to their incident, other events to their details beside the list. */
function columnsAt(address: Address): Column<Event>[] {
  return [
    {
      label: 'Time',
      width: '62px',
      render: ({ ts }) => (
        <time class="soft" title={fullTime(ts)}>
          {clockTime(ts)}
        </time>
      ),
    },
    { label: '', width: '22px', render: ({ type }) => <TypeIcon type={type} /> },
    {
      label: 'What happened',
      width: 'minmax(0, 1fr)',
      render: (event) => (
        <>
          <a
            class={`row-link name-${event.type}`}
            href={isIncident(event) ? incidentHref(event) : hereHref(address, { event: `${event.id}` })}
          >
            {eventLabel(event).label}
          </a>{' '}
          <EventSummary event={event} />
        </>
      ),
    },
    {
      label: 'Page',
      width: 'minmax(0, 0.36fr)',
      wide: true,
      render: ({ url, name }) => url !== name && <span class="soft">{url}</span>,
    },
    APP_COLUMN,
    {
      label: 'User',
      width: 'minmax(72px, 0.22fr)',
      render: (event) => (
        <a class="above" href={userHref(event)}>
          {event.user_id}
        </a>
      ),
    },
  ];
}

function Foot({ live: { events, hasMore, moreError, retryMore } }: { live: LiveEvents }) {
  if (moreError !== undefined) return <Failure error={moreError} retry={retryMore} />;
  if (hasMore) return <>Loading older events …</>;
  if (events.length < HELD_MAX) return <>No older events</>;
  const oldest = events.at(-1);
  return (
    <>
      The newest {count(HELD_MAX)} are shown, back to {oldest === undefined ? '' : fullTime(oldest.ts)}
    </>
  );
}

const closeDetail = () => setQuery({ event: '' }, 'push');

/** The id in the `event` parameter; older links have a time before it. */
function selectedId(text: string): number | undefined {
  const id = /^(?:\d{1,15}\.)?(\d{1,16})$/.exec(text)?.[1];
  return id === undefined ? undefined : Number(id);
}

/** The event in the address, beside the list. */
function Selected({ events }: { events: readonly Event[] }) {
  const id = selectedId(useParam('event')[0]);
  const held = events.find((event) => event.id === id);
  const lookup = useQuery('event', id === undefined || held !== undefined ? undefined : { id });
  const event = held ?? lookup.data;
  useKeys({ Escape: id === undefined ? undefined : closeDetail });
  if (id === undefined) return null;
  return (
    <aside class="live-detail" aria-label="Selected event">
      <Button kind="quiet icon-only live-close" aria-label="Close" onClick={closeDetail}>
        <Icon name="close" />
      </Button>
      {event !== undefined ? (
        <EventDetail event={event}>
          <Button onClick={() => setQuery({ user: event.user_id }, 'push')}>Only this user</Button>
          <Button onClick={() => setQuery({ session: event.session_id }, 'push')}>Only this session</Button>
        </EventDetail>
      ) : lookup.error === undefined ? (
        <Loading lines={5} />
      ) : lookup.error.status === 404 ? (
        <Empty title="Event not found">It may be past its retention.</Empty>
      ) : (
        <Failure error={lookup.error} retry={lookup.reload} />
      )}
    </aside>
  );
}

function StateMark({ live: { state, head }, paused }: { live: LiveEvents; paused: boolean }) {
  if (head === undefined) return null;
  const [tone, text] = paused
    ? ['paused', 'Paused']
    : state === 'open'
      ? ['open', 'Following']
      : [state, state === 'broken' ? 'Reconnecting' : 'Connecting'];
  return (
    <span class={`live-state live-${tone}`} role="status">
      <span class="dot" />
      {text}
    </span>
  );
}

/** Loads older events, a page at a time, until the last hour is complete. */
function useFullHour({ events, hasMore, loadMore }: LiveEvents): void {
  const oldest = events.at(-1);
  useEffect(() => {
    if (oldest !== undefined && hasMore && events.length < HOUR_EVENTS_MAX && isWithinTheHour(oldest.ts))
      loadMore();
  }, [oldest?.id]);
}

function matcher(text: string): (event: Event) => boolean {
  if (text === '') return () => true;
  const wanted = text.toLowerCase();
  return (event) => textOf(event).includes(wanted);
}

/** The searchable text of each event: the list is searched at every render. */
const texts = new WeakMap<Event, string>();

function textOf(event: Event): string {
  const known = texts.get(event);
  if (known !== undefined) return known;
  const { name, url = '', user_id, session_id, props = {} } = event;
  const text = [name, url, user_id, session_id, ...textsIn(props)].join('\n').toLowerCase();
  texts.set(event, text);
  return text;
}

/** Names and values of any JSON. */
function textsIn(value: Json): string[] {
  if (typeof value !== 'object' || value === null) return [String(value)];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  return Object.entries(value).flatMap(([name, inner]) => [name, ...textsIn(inner)]);
}
