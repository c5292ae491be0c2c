/** The users seen last, with a text filter. */
import { useMemo } from 'preact/hooks';
import type { UserRow } from '../../api/client.js';
import { useApps, useQuery } from '../../api/use-query.js';
import { finder } from '../../format/find.js';
import { count, counted } from '../../format/number.js';
import { href, useParam } from '../../router.js';
import { TextLink } from '../../ui/button.js';
import { APP_COLUMN, LAST_SEEN_COLUMNS } from '../../ui/columns.js';
import { userHref } from '../../ui/event-text.js';
import { Field } from '../../ui/filters.js';
import { Empty, Loaded } from '../../ui/states.js';
import { type Column, Table } from '../../ui/table.js';
import { At } from '../../ui/time.js';
import { Avatar } from './avatar.js';

const LIMIT = 500;

const COLUMNS: readonly Column<UserRow>[] = [
  {
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
    label: 'Email',
    width: 'minmax(0, 1.1fr)',
    wide: true,
    render: ({ email }) => <span class="soft">{email}</span>,
  },
  APP_COLUMN,
  {
    label: 'Sessions',
    width: '70px',
    align: 'end',
    render: ({ session_count }) => count(session_count),
  },
  {
    label: 'First seen',
    width: '120px',
    wide: true,
    render: ({ first_seen }) => <At ts={first_seen} />,
  },
  ...LAST_SEEN_COLUMNS,
];

export function UsersView() {
  const [app] = useParam('app');
  const [text, setText] = useParam('text');
  const query = useQuery('users', { app, limit: LIMIT }, { refresh: true, keep: true });
  const users = query.data?.users;
  const shown = useMemo(() => {
    const has = finder(text);
    return users?.filter(({ user_id, name, email }) => has(user_id, name, email)) ?? [];
  }, [users, text]);
  return (
    <div class="page fill">
      <div class="page-head">
        <h1>Users</h1>
        {users !== undefined && (
          <span class="soft" role="status">
            {text === ''
              ? users.length === LIMIT
                ? `${LIMIT} most recent`
                : counted(users.length, 'user')
              : `${count(shown.length)} of ${counted(users.length, 'user')}`}
          </span>
        )}
        <div class="end">
          <Field label="Find" value={text} onChange={setText} placeholder="name, id, email" live />
        </div>
      </div>
      <Loaded query={query} lines={14}>
        {() =>
          shown.length === 0 ? (
            <NoUsers text={text} app={app} />
          ) : (
            <Table
              label="Users, last seen first"
              rows={shown}
              columns={COLUMNS}
              rowKey={({ app, user_id }) => `${app}/${user_id}`}
              rowHeight={44}
              foot={shown.length === LIMIT ? `Showing the ${LIMIT} most recent` : undefined}
            />
          )
        }
      </Loaded>
    </div>
  );
}

function NoUsers({ text, app }: { text: string; app: string }) {
  const apps = useApps().data?.apps.map(({ name }) => name) ?? [];
  if (text === '') return <Empty title="No users yet">Users appear with their first event.</Empty>;
  return (
    <Empty title={`No match among the ${LIMIT} most recent users`}>
      {(app === '' ? apps : [app]).map((name) => (
        <p key={name}>
          <TextLink href={href('/users/:app/:id', { app: name, id: text })}>
            Look for the user id {text}
            {apps.length > 1 && ` in ${name}`}
          </TextLink>
        </p>
      ))}
    </Empty>
  );
}
