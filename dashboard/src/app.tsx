/** The frame around the views: navigation, the state of the connection, and the routes. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useIsLost } from './api/connection.js';
import { useApps } from './api/use-query.js';
import { href, match, Router, setQuery, useAddress, useParam } from './router.js';
import { TextLink } from './ui/button.js';
import { Icon, type IconName } from './ui/icons.js';
import { Empty } from './ui/states.js';
import { ErrorGroupView } from './views/errors/error-group.js';
import { ErrorsView } from './views/errors/errors.js';
import { IncidentView } from './views/incident/incident.js';
import { InsightsView } from './views/insights/insights.js';
import { LiveView } from './views/live/live.js';
import { ReplayView } from './views/replay/replay.js';
import { ReplayListView } from './views/replay/replay-list.js';
import { UserView } from './views/users/user.js';
import { UsersView } from './views/users/users.js';

interface Route {
  pattern: string;
  title: (names: Record<string, string>) => string;
  view: (names: Record<string, string>) => ComponentChildren;
}

const ROUTES: readonly Route[] = [
  { pattern: '/', title: () => 'Live', view: () => <LiveView /> },
  { pattern: '/live', title: () => 'Live', view: () => <LiveView /> },
  { pattern: '/users', title: () => 'Users', view: () => <UsersView /> },
  {
    pattern: '/users/:app/:id',
    title: ({ id = '' }) => id,
    view: ({ app = '', id = '' }) => <UserView key={`${app}/${id}`} app={app} id={id} />,
  },
  { pattern: '/errors', title: () => 'Errors', view: () => <ErrorsView /> },
  {
    pattern: '/errors/:group',
    title: () => 'Error',
    view: ({ group = '' }) => <ErrorGroupView key={group} group={group} />,
  },
  { pattern: '/replay', title: () => 'Replay', view: () => <ReplayListView /> },
  {
    pattern: '/replay/:app/:session',
    title: () => 'Replay',
    view: ({ app = '', session = '' }) => (
      <ReplayView key={`${app}/${session}`} app={app} session={session} />
    ),
  },
  { pattern: '/insights', title: () => 'Insights', view: () => <InsightsView /> },
  {
    pattern: '/incidents/:id',
    title: ({ id = '' }) => `Incident ${id}`,
    view: ({ id = '' }) => <IncidentView key={id} id={id} />,
  },
];

const NAV: readonly { path: string; label: string; icon: IconName; also?: string }[] = [
  { path: '/live', label: 'Live', icon: 'live' },
  { path: '/users', label: 'Users', icon: 'users' },
  { path: '/errors', label: 'Errors', icon: 'error', also: '/incidents' },
  { path: '/replay', label: 'Replay', icon: 'play' },
  { path: '/insights', label: 'Insights', icon: 'insights' },
];

export function App() {
  return (
    <Router>
      <a class="skip" href="#main">
        Skip to the view
      </a>
      <Top />
      <Banner />
      <View />
    </Router>
  );
}

function Top() {
  const { path } = useAddress();
  const [app] = useParam('app');
  return (
    <header class="top">
      <a class="brand" href={href('/live', {}, { app })}>
        <Logo />
        spyglass
      </a>
      <nav class="nav" aria-label="Views">
        {NAV.map(({ path: target, label, icon, also }) => {
          const here =
            path === '/'
              ? target === '/live'
              : path.startsWith(target) || (also !== undefined && path.startsWith(also));
          return (
            <a key={target} href={href(target, {}, { app })} aria-current={here ? 'page' : undefined}>
              <Icon name={icon} />
              {label}
            </a>
          );
        })}
      </nav>
      <div class="top-end">
        <AppPicker />
      </div>
    </header>
  );
}

/** Limits every view to one app; hidden where only one is configured. */
function AppPicker() {
  const { data } = useApps();
  const [app] = useParam('app');
  if (data === undefined || (data.apps.length < 2 && app === '')) return null;
  const names = new Set(data.apps.map(({ name }) => name));
  if (app !== '') names.add(app);
  return (
    <select
      class="select"
      aria-label="App"
      value={app}
      onChange={(event) => setQuery({ app: event.currentTarget.value }, 'push')}
    >
      <option value="">All apps</option>
      {[...names].map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
}

function Banner() {
  const lost = useIsLost();
  return (
    <div role="status">
      {lost && (
        <div class="banner">
          <span class="pulse" />
          Can't reach the collector. Trying again …
        </div>
      )}
    </div>
  );
}

function View() {
  const { path } = useAddress();
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const [route, names] = find(path);

  useEffect(() => {
    document.title = `${route?.title(names) ?? 'Not found'} · spyglass`;
    // Keyboard and screen reader continue in the new view, as after a page load.
    if (!first.current) main.current?.focus();
    first.current = false;
  }, [path]);

  return (
    <main ref={main} id="main" tabIndex={-1}>
      {route === undefined ? (
        <Empty title="There is nothing at this address">
          <TextLink href="/live">Go to the live view</TextLink>
        </Empty>
      ) : (
        route.view(names)
      )}
    </main>
  );
}

function find(path: string): [Route | undefined, Record<string, string>] {
  for (const route of ROUTES) {
    const names = match(route.pattern, path);
    if (names !== undefined) return [route, names];
  }
  return [undefined, {}];
}

function Logo() {
  return (
    <svg width="22" height="22" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" fill="#0c6b66" />
      <g fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round">
        <circle cx="14" cy="14" r="6.5" />
        <path d="m19 19 6 6" />
      </g>
    </svg>
  );
}
