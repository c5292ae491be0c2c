/** Events as they are stored: paused when one wants to read, narrowed down by what one looks for, each open beside the list. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useManyApps } from '../../api/apps.js';
import { apiPath } from '../../api/client.js';
import { EVENT_TYPES, type Event, type EventsAnswer, type Json } from '../../api/types.js';
import { useQuery } from '../../api/use-query.js';
import { count, counted } from '../../format/number.js';
import { clockTime, fullTime } from '../../format/time.js';
import { setQuery, useParam, usePlace } from '../../router.js';
import { EventDetail } from '../../ui/event-detail.js';
import { eventLabel } from '../../ui/event-label.js';
import { EventSummary, incidentHref, isIncident, userHref } from '../../ui/event-text.js';
import { Choices, Field } from '../../ui/filters.js';
import { Icon, TypeIcon } from '../../ui/icons.js';
import { Empty, Failure, Loaded, Loading } from '../../ui/states.js';
import { type Column, Table } from '../../ui/table.js';
import { Start } from '../start/start.js';
import { isWithinTheHour, Minutes } from './minutes.js';
import { HELD_MAX, type LiveEvents, useLiveEvents } from './use-live-events.js';

const TYPE_CHOICES = [
  { value: '' as const, label: 'All' },
  { value: 'event' as const, label: 'Events' },
  { value: 'pageview' as const, label: 'Pages' },
  { value: 'network' as const, label: 'Network' },
  { value: 'error' as const, label: 'Errors' },
  { value: 'bug_report' as const, label: 'Reports' },
];
/** So many are loaded to fill the hour's bars; more only by scrolling. */
const HOUR_EVENTS_MAX = 3_000;
const AT_TOP_PX = 8;

export function LiveView() {
  const { query } = usePlace();
  const [app] = useParam('app');
  const [user, setUser] = useParam('user');
  const [session, setSession] = useParam('session');
  const [text, setText] = useParam('text');
  const [givenType, setType] = useParam('type');
  const [paused, setPaused] = useState(false);
  const [atTop, setAtTop] = useState(true);
  const scroller = useRef<HTMLDivElement>(null);
  const type = EVENT_TYPES.find((known) => known === givenType) ?? '';
  const live = useLiveEvents({ user, type, app, session }, paused || !atTop);
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
  const goOn = () => {
    setPaused(false);
    scroller.current?.scrollTo({ top: 0 });
  };
  return (
    <div class="page fill live">
      <div class="page-head">
        <h1>Live</h1>
        <StateMark live={live} paused={paused} />
        <div class="end">
          <button
            type="button"
            class="button"
            aria-pressed={paused}
            onClick={() => (paused ? goOn() : setPaused(true))}
          >
            <Icon name={paused ? 'play' : 'pause'} size={14} />
            {paused ? 'Go on' : 'Pause'}
          </button>
        </div>
      </div>
      {live.head !== undefined && (
        <Minutes events={shown} complete={!live.hasMore && live.events.length < HELD_MAX} />
      )}
      <div class="filters live-filters">
        <Choices
          label="Type"
          value={type}
          choices={TYPE_CHOICES}
          onChange={(value) => setType(value, 'push')}
        />
        <Field label="User" value={user} onChange={(value) => setUser(value, 'push')} />
        <Field label="Session" value={session} onChange={(value) => setSession(value, 'push')} />
        <Field label="Text" value={text} onChange={setText} live />
        {filtered && (
          <button
            type="button"
            class="button quiet"
            onClick={() => setQuery({ user: '', session: '', text: '', type: '' }, 'push')}
          >
            Clear
          </button>
        )}
      </div>
      <div class="live-body">
        <div class="live-list">
          {live.waiting > 0 && (
            <button type="button" class="button primary live-waiting" onClick={goOn}>
              <Icon name="up" size={14} />
              {counted(live.waiting, 'new event')}
            </button>
          )}
          {live.error !== undefined ? (
            <Failure error={live.error} retry={live.reload} />
          ) : live.head === undefined ? (
            <Loading lines={14} />
          ) : (
            <EventTable
              live={live}
              events={shown}
              selected={query.get('event') ?? ''}
              scroller={scroller}
              filtered={filtered}
            />
          )}
        </div>
        <Selected events={live.events} />
      </div>
    </div>
  );
}

const APP_COLUMN: Column<Event> = {
  key: 'app',
  label: 'App',
  width: '84px',
  wide: true,
  render: ({ app }) => <span class="soft">{app}</span>,
};

interface EventTableProps {
  live: LiveEvents;
  events: readonly Event[];
  selected: string;
  scroller: { current: HTMLDivElement | null };
  filtered: boolean;
}

function EventTable({ live, events, selected, scroller, filtered }: EventTableProps) {
  const { path, query } = usePlace();
  const manyApps = useManyApps();
  const columns = useMemo((): Column<Event>[] => {
    const openHref = (event: Event) => {
      const next = new URLSearchParams(query);
      next.set('event', eventKey(event));
      return `${path}?${next}`;
    };
    return [
      {
        key: 'time',
        label: 'Time',
        width: '62px',
        render: ({ ts }) => (
          <time class="soft" title={fullTime(ts)}>
            {clockTime(ts)}
          </time>
        ),
      },
      { key: 'type', label: '', width: '22px', render: ({ type }) => <TypeIcon type={type} /> },
      {
        key: 'name',
        label: 'What happened',
        width: 'minmax(0, 1fr)',
        render: (event) => (
          <>
            <a
              class={`row-link name-${event.type}`}
              href={isIncident(event) ? incidentHref(event) : openHref(event)}
            >
              {eventLabel(event).label}
            </a>{' '}
            <EventSummary event={event} />
          </>
        ),
      },
      {
        key: 'page',
        label: 'Page',
        width: 'minmax(0, 0.36fr)',
        wide: true,
        render: ({ url, name }) => url !== name && <span class="soft">{url}</span>,
      },
      ...(manyApps ? [APP_COLUMN] : []),
      {
        key: 'user',
        label: 'User',
        width: 'minmax(72px, 0.22fr)',
        render: (event) => (
          <a class="above" href={userHref(event)}>
            {event.user_id}
          </a>
        ),
      },
    ];
  }, [path, query, manyApps]);

  if (events.length === 0 && !live.hasMore) {
    return (
      <Empty title={filtered ? 'Nothing like this' : 'Nothing yet'}>
        {filtered
          ? 'No event matches. It will show up here as soon as one does.'
          : 'Events show up here as they arrive.'}
      </Empty>
    );
  }
  const oldest = live.events.at(-1);
  const foot =
    live.moreError !== undefined ? (
      <Failure error={live.moreError} retry={live.retryMore} />
    ) : live.hasMore ? (
      'Loading older events …'
    ) : live.events.length >= HELD_MAX ? (
      `The newest ${count(HELD_MAX)} are shown, back to ${oldest === undefined ? '' : fullTime(oldest.ts)}`
    ) : (
      'That is all there is'
    );
  return (
    <Table
      label="Events, newest first"
      rows={events}
      columns={columns}
      rowKey={({ id }) => id}
      rowHeight={32}
      rowClass={({ id }) => (id > live.openedAt ? 'arrived' : '')}
      isSelected={(event) => eventKey(event) === selected}
      onEnd={live.hasMore && live.moreError === undefined ? live.loadMore : undefined}
      foot={foot}
      scroller={scroller}
    />
  );
}

const closeDetail = () => setQuery({ event: '' }, 'push');

/** The event that the address names, beside the list. */
function Selected({ events }: { events: readonly Event[] }) {
  const [key] = useParam('event');
  const [, ts = '', id = ''] = /^(\d{1,15})\.(\d{1,16})$/.exec(key) ?? [];
  const held = events.find((event) => `${event.id}` === id);
  // One that is not in the list is looked up by its time.
  const lookup = useQuery<EventsAnswer>(
    id === '' || held !== undefined
      ? undefined
      : apiPath('/v1/query/events', { from: ts, to: ts, limit: 500 }),
  );
  const event = held ?? lookup.data?.events.find((event) => `${event.id}` === id);
  useEffect(() => {
    if (id === '') return;
    const onKey = ({ key, target }: KeyboardEvent) => {
      if (key === 'Escape' && !(target instanceof HTMLInputElement)) closeDetail();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [id]);
  if (id === '') return null;
  return (
    <aside class="live-detail" aria-label="Selected event">
      <button
        type="button"
        class="button quiet icon-only live-close"
        aria-label="Close"
        onClick={closeDetail}
      >
        <Icon name="close" />
      </button>
      {event !== undefined ? (
        <EventDetail event={event}>
          <button type="button" class="button" onClick={() => setQuery({ user: event.user_id }, 'push')}>
            Only this user
          </button>
          <button
            type="button"
            class="button"
            onClick={() => setQuery({ session: event.session_id }, 'push')}
          >
            Only this session
          </button>
        </EventDetail>
      ) : (
        <Loaded query={lookup} loading={<Loading lines={5} />}>
          {() => <Empty title="This event is not there">It may be past its retention.</Empty>}
        </Loaded>
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

/** Loads older events, a page at a time, until the hour that is drawn is whole. */
function useFullHour({ events, hasMore, loadMore }: LiveEvents): void {
  const oldest = events.at(-1);
  useEffect(() => {
    if (oldest !== undefined && hasMore && events.length < HOUR_EVENTS_MAX && isWithinTheHour(oldest.ts))
      loadMore();
  }, [oldest?.id]);
}

/** Names an event so that it can be found again: there is no reading by id alone. */
const eventKey = ({ ts, id }: Event): string => `${ts}.${id}`;

function matcher(text: string): (event: Event) => boolean {
  if (text === '') return () => true;
  const wanted = text.toLowerCase();
  return (event) => textOf(event).includes(wanted);
}

/** What can be found of an event, put together once: the list is looked through at every drawing. */
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
