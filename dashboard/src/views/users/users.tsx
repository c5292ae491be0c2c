/** Who was here: the users last seen, narrowed down by what is typed. */
import { useMemo } from 'preact/hooks';
import type { UserRow } from '../../api/client.js';
import { useApps, useManyApps, useQuery } from '../../api/use-query.js';
import { count, counted } from '../../format/number.js';
import { href, useParam } from '../../router.js';
import { userHref } from '../../ui/event-text.js';
import { Field } from '../../ui/filters.js';
import { Empty, Loaded, Loading } from '../../ui/states.js';
import { type Column, Table } from '../../ui/table.js';
import { Ago, At, Moment } from '../../ui/time.js';
import { Avatar } from './avatar.js';

const LIMIT = 500;
const REFRESH_MS = 15_000;

const COLUMNS: readonly Column<UserRow>[] = [
  {
    key: 'user',
    label: 'User',
    width: 'minmax(0, 1.3fr)',
    render: (user) => (
      <a class="row-link user-cell" href={userHref(user)}>
        <Avatar name={user.name ?? user.user_id} />
        <span class="cut">
          <b>{user.name ?? user.user_id}</b>{' '}
          {user.name !== undefined && <span class="soft">{user.user_id}</span>}
        </span>
      </a>
    ),
  },
  {
    key: 'email',
    label: 'Email',
    width: 'minmax(0, 1.1fr)',
    wide: true,
    render: ({ email }) => <span class="soft">{email}</span>,
  },
  {
    key: 'app',
    label: 'App',
    width: '110px',
    wide: true,
    render: ({ app }) => <span class="soft">{app}</span>,
  },
  {
    key: 'sessions',
    label: 'Sessions',
    width: '70px',
    align: 'end',
    render: ({ session_count }) => count(session_count),
  },
  {
    key: 'first',
    label: 'First seen',
    width: '120px',
    wide: true,
    render: ({ first_seen }) => <At ts={first_seen} />,
  },
  {
    key: 'last',
    label: 'Last seen',
    width: '170px',
    wide: true,
    render: ({ last_seen }) => <Moment ts={last_seen} />,
  },
  {
    key: 'last-narrow',
    label: 'Seen',
    width: '92px',
    narrow: true,
    align: 'end',
    render: ({ last_seen }) => <Ago ts={last_seen} />,
  },
];

export function UsersView() {
  const [app] = useParam('app');
  const [text, setText] = useParam('text');
  const query = useQuery('users', { app, limit: LIMIT }, { everyMs: REFRESH_MS, keep: true });
  const manyApps = useManyApps();
  const columns = manyApps ? COLUMNS : COLUMNS.filter(({ key }) => key !== 'app');
  const users = query.data?.users;
  const shown = useMemo(() => users?.filter(matcher(text)) ?? [], [users, text]);
  return (
    <div class="page fill">
      <div class="page-head">
        <h1>Users</h1>
        {users !== undefined && (
          <span class="soft" role="status">
            {text === ''
              ? users.length === LIMIT
                ? `the ${LIMIT} last seen`
                : counted(users.length, 'user')
              : `${count(shown.length)} of ${counted(users.length, 'user')}`}
          </span>
        )}
        <div class="end">
          <Field label="Find" value={text} onChange={setText} placeholder="name, id, email" live />
        </div>
      </div>
      <Loaded query={query} loading={<Loading lines={14} />}>
        {() =>
          shown.length === 0 ? (
            <NoUsers text={text} app={app} />
          ) : (
            <Table
              label="Users, last seen first"
              rows={shown}
              columns={columns}
              rowKey={({ app, user_id }) => `${app}/${user_id}`}
              rowHeight={44}
              foot={shown.length === LIMIT ? `Only the ${LIMIT} last seen are listed` : undefined}
            />
          )
        }
      </Loaded>
    </div>
  );
}

function NoUsers({ text, app }: { text: string; app: string }) {
  const apps = useApps().data?.apps.map(({ name }) => name) ?? [];
  if (text === '') return <Empty title="Nobody was here yet">Users appear with their first event.</Empty>;
  return (
    <Empty title="Nobody like this among the last seen">
      {(app === '' ? apps : [app]).map((name) => (
        <p key={name}>
          <a class="text-link" href={href('/users/:app/:id', { app: name, id: text })}>
            Look for the user id {text}
            {apps.length > 1 && ` in ${name}`}
          </a>
        </p>
      ))}
    </Empty>
  );
}

function matcher(text: string): (user: UserRow) => boolean {
  const wanted = text.toLowerCase();
  return ({ user_id, name = '', email = '' }) =>
    [user_id, name, email].some((part) => part.toLowerCase().includes(wanted));
}
