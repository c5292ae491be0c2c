/** One user: activity by day, and the sessions, each with its trail to unfold. */
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { SessionRow } from '../../api/client.js';
import { useQuery } from '../../api/use-query.js';
import { count, counted } from '../../format/number.js';
import { duration } from '../../format/time.js';
import { href, setQuery, useParam } from '../../router.js';
import { TextLink } from '../../ui/button.js';
import { CopyButton } from '../../ui/copy.js';
import { DayChart } from '../../ui/day-chart.js';
import { replayHref } from '../../ui/event-text.js';
import { Fact } from '../../ui/fact.js';
import { Icon } from '../../ui/icons.js';
import { Panel } from '../../ui/panel.js';
import { RangePicker, useRange } from '../../ui/range.js';
import { Empty, Loaded } from '../../ui/states.js';
import { At, Moment } from '../../ui/time.js';
import { Trail } from '../../ui/trail.js';
import { Avatar } from './avatar.js';

const SESSIONS_MAX = 500;
const TRAIL_MAX = 500;

export function UserView({ app, id }: { app: string; id: string }) {
  return (
    <div class="page">
      <Head app={app} id={id} />
      <Activity app={app} id={id} />
      <Sessions app={app} id={id} />
    </div>
  );
}

function Head({ app, id }: { app: string; id: string }) {
  const { data } = useQuery('users', { app, user: id, limit: 1 });
  const user = data?.users.find(({ user_id }) => user_id === id);
  return (
    <header class="user-head">
      <Avatar name={user?.name ?? id} large />
      <div class="user-who">
        <h1 class="cut">{user?.name ?? id}</h1>
        <p class="soft cut">
          {[user?.name === undefined ? undefined : id, user?.email, app].filter(Boolean).join(' · ')}
        </p>
      </div>
      {user !== undefined && (
        <dl class="facts">
          <Fact name="Last seen">
            <Moment ts={user.last_seen} />
          </Fact>
          <Fact name="First seen">
            <At ts={user.first_seen} />
          </Fact>
          <Fact name="Sessions">{count(user.session_count)}</Fact>
        </dl>
      )}
      <div class="user-ways">
        <a class="button" href={href('/live', {}, { user: id, app })}>
          Follow live
        </a>
        <CopyButton text={id} label="Copy id" />
      </div>
    </header>
  );
}

function Activity({ app, id }: { app: string; id: string }) {
  const range = useRange('30d');
  const { from, to } = range;
  const activity = useQuery('activity', { user: id, app, from, to }, { keep: true });
  return (
    <Panel title="Events by day" end={<RangePicker range={range} />}>
      <div class="panel-body">
        <Loaded query={activity} lines={4}>
          {({ days }) => (
            <DayChart
              days={days.map(({ day, event_count }) => ({ day, count: event_count }))}
              range={range}
              unit="events"
              label={`Events by day, ${range.label}`}
              height={120}
            />
          )}
        </Loaded>
      </div>
    </Panel>
  );
}

function Sessions({ app, id }: { app: string; id: string }) {
  const [open] = useParam('session');
  const sessions = useQuery('sessions', { user: id, app, limit: SESSIONS_MAX });
  return (
    <Panel title="Sessions" note={sessions.data && count(sessions.data.sessions.length)} class="sessions">
      <Loaded query={sessions}>
        {({ sessions }) =>
          sessions.length === 0 ? (
            <Empty title="No sessions">No event of a user with this id is stored for {app}.</Empty>
          ) : (
            <ul>
              {sessions.map((session) => (
                <Session key={session.session_id} session={session} isOpen={session.session_id === open} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Session({ session, isOpen }: { session: SessionRow; isOpen: boolean }) {
  const { session_id, started_at, last_seen, event_count, error_count, chunk_count } = session;
  const row = useRef<HTMLLIElement>(null);
  // The session in the address may be far down.
  useEffect(() => {
    const element = row.current;
    if (isOpen && element && element.getBoundingClientRect().bottom > innerHeight) element.scrollIntoView();
  }, []);
  return (
    <li ref={row} class={isOpen ? 'session open' : 'session'}>
      <div class="session-row">
        <button
          type="button"
          class="session-toggle"
          aria-expanded={isOpen}
          onClick={() => setQuery({ session: isOpen ? '' : session_id }, 'push')}
        >
          <Icon name={isOpen ? 'down' : 'right'} size={14} />
          <Moment ts={started_at} />
        </button>
        <span class="soft session-length">{duration(last_seen - started_at)}</span>
        <span>{counted(event_count, 'event')}</span>
        <span>{error_count > 0 && <span class="tag bad">{counted(error_count, 'error')}</span>}</span>
        <span class="session-replay">
          {chunk_count > 0 && <TextLink href={replayHref(session)}>Replay</TextLink>}
        </span>
      </div>
      {isOpen && <SessionTrail session={session} />}
    </li>
  );
}

function SessionTrail({ session: { app, session_id, event_count } }: { session: SessionRow }) {
  const query = useQuery('events', { app, session: session_id, limit: TRAIL_MAX });
  const events = useMemo(() => query.data?.events.toReversed() ?? [], [query.data]);
  return (
    <div class="session-trail">
      <Loaded query={query}>
        {({ next_cursor }) => (
          <>
            {next_cursor !== undefined && (
              <p class="soft">
                The last {TRAIL_MAX} of {counted(event_count, 'event')}.{' '}
                <TextLink href={href('/live', {}, { session: session_id, app })}>All of them</TextLink>
              </p>
            )}
            <Trail events={events} />
          </>
        )}
      </Loaded>
    </div>
  );
}
