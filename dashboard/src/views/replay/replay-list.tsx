/** The list of sessions. */
import { useMemo } from 'preact/hooks';
import type { SessionRow } from '../../api/client.js';
import { useQuery } from '../../api/use-query.js';
import { count, counted } from '../../format/number.js';
import { duration } from '../../format/time.js';
import { setQuery, useParam } from '../../router.js';
import { Button, TextLink } from '../../ui/button.js';
import { APP_COLUMN, LAST_SEEN_COLUMNS } from '../../ui/columns.js';
import { replayHref, userHref } from '../../ui/event-text.js';
import { Choices, Field, useChoice } from '../../ui/filters.js';
import { Icon } from '../../ui/icons.js';
import { Empty, Loaded } from '../../ui/states.js';
import { type Column, Table } from '../../ui/table.js';

const LIMIT = 500;
const ONLY = { '': 'All', recorded: 'Recorded', errors: 'With errors' };
type Only = keyof typeof ONLY;

const COLUMNS: readonly Column<SessionRow>[] = [
  {
    label: 'User',
    width: 'minmax(0, 1.2fr)',
    render: (session) => (
      <a class="row-link" href={replayHref(session)}>
        <b>{session.user_id}</b>
      </a>
    ),
  },
  {
    label: 'Recording',
    width: '112px',
    wide: true,
    render: ({ chunk_count }) =>
      chunk_count === 0 ? (
        <span class="soft">–</span>
      ) : (
        <span class="recorded">
          <Icon name="play" size={14} /> <span class="soft">{counted(chunk_count, 'chunk')}</span>
        </span>
      ),
  },
  {
    label: '',
    width: '20px',
    narrow: true,
    render: ({ chunk_count }) =>
      chunk_count > 0 && (
        <span class="recorded" title="Recorded">
          <Icon name="play" size={14} />
          <span class="hidden">Recorded</span>
        </span>
      ),
  },
  {
    label: 'Errors',
    width: '64px',
    align: 'end',
    render: ({ error_count }) =>
      error_count === 0 ? <span class="soft">–</span> : <span class="tag bad">{count(error_count)}</span>,
  },
  {
    label: 'Events',
    width: '70px',
    align: 'end',
    wide: true,
    render: ({ event_count }) => count(event_count),
  },
  {
    label: 'Duration',
    width: '110px',
    align: 'end',
    wide: true,
    render: ({ started_at, last_seen }) => duration(last_seen - started_at),
  },
  APP_COLUMN,
  {
    label: 'Session',
    width: 'minmax(0, 1fr)',
    wide: true,
    render: ({ session_id }) => <code class="soft">{session_id}</code>,
  },
  ...LAST_SEEN_COLUMNS,
];

export function ReplayListView() {
  const [app] = useParam('app');
  const [user, setUser] = useParam('user');
  const [only, setOnly] = useChoice('only', ONLY);
  const query = useQuery('sessions', { app, user, limit: LIMIT }, { refresh: true, keep: true });
  const sessions = query.data?.sessions;
  const shown = useMemo(() => sessions?.filter(fits(only)) ?? [], [sessions, only]);
  return (
    <div class="page fill">
      <div class="page-head">
        <h1>Sessions</h1>
        {sessions !== undefined && (
          <span class="soft" role="status">
            {only === '' ? '' : `${count(shown.length)} of `}
            {sessions.length === LIMIT ? `${LIMIT} most recent` : counted(sessions.length, 'session')}
          </span>
        )}
        <div class="end filters">
          <Choices label="Only" value={only} choices={ONLY} onChange={(value) => setOnly(value, 'push')} />
          <Field label="User" value={user} onChange={(value) => setUser(value, 'push')} />
        </div>
      </div>
      <Loaded query={query} lines={14}>
        {() =>
          shown.length === 0 ? (
            <NoSessions user={user} app={app} only={only} />
          ) : (
            <Table
              label="Sessions, last seen first"
              rows={shown}
              columns={COLUMNS}
              rowKey={({ app, session_id }) => `${app}/${session_id}`}
              rowHeight={40}
              foot={sessions?.length === LIMIT ? `Showing the ${LIMIT} most recent` : undefined}
            />
          )
        }
      </Loaded>
    </div>
  );
}

function NoSessions({ user, app, only }: { user: string; app: string; only: Only }) {
  if (user === '' && only === '')
    return <Empty title="No sessions yet">They appear with their first event.</Empty>;
  return (
    <Empty title={only === 'recorded' ? 'None of these was recorded' : 'No matching sessions'}>
      <Button onClick={() => setQuery({ user: '', only: '' }, 'push')}>Show all</Button>{' '}
      {user !== '' && app !== '' && <TextLink href={userHref({ app, user_id: user })}>Open {user}</TextLink>}
    </Empty>
  );
}

function fits(only: Only): (session: SessionRow) => boolean {
  if (only === 'recorded') return ({ chunk_count }) => chunk_count > 0;
  return ({ error_count }) => only === '' || error_count > 0;
}
