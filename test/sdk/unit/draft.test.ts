/** Whose an event is: that of its moment, whatever has begun since. */
import { mock } from 'node:test';
import t from 'tap';
import { moment } from '../../../sdk/src/auto/late.js';
import { lineOf } from '../../../sdk/src/draft.js';
import type { Client, Draft } from '../../../sdk/src/seam.js';
import { createSession } from '../../../sdk/src/session.js';
import { memoryShelf } from './pages.js';

const START = Date.UTC(2026, 5, 14, 12);
const MINUTE_MS = 60_000;

t.beforeEach(() => {
  mock.timers.enable({ apis: ['Date'], now: START });
  Object.assign(globalThis, {
    location: { href: 'http://app.example/orders', pathname: '/orders', hash: '' },
    document: { baseURI: 'http://app.example/' },
  });
});
t.afterEach(() => mock.timers.reset());

function page() {
  const options = { user: { id: 'alice', name: 'Alice' } };
  const session = createSession({
    shelf: memoryShelf(),
    key: 'session',
    user: () => options.user.id,
    begun: () => {},
  });
  const client = { options, scrub: (url: string) => url, session: session.id } as unknown as Client;
  const line = (draft: Partial<Draft>) =>
    JSON.parse(lineOf(client, session, { type: 'event', name: 'it', ...draft }));
  return { options, session, client, line };
}

t.test('an event that names no session is of now, and is activity', async (t) => {
  const { session, line } = page();
  const first = session.id(false);
  t.match(line({}), { session_id: first, user_id: 'alice', ts: START, user: { name: 'Alice' } });
  mock.timers.tick(31 * MINUTE_MS);
  const later = line({ type: 'pageview' });
  t.not(later.session_id, first);
  t.same(later.user, { name: 'Alice' });
});

t.test('what began in a session that is over belongs there, and is no activity', async (t) => {
  const { session, client, line } = page();
  const start = moment(client);
  mock.timers.tick(31 * MINUTE_MS);
  const request = { ...start, type: 'network' } as const;
  t.match(line(request), { session_id: start.session_id, ts: START, user: { name: 'Alice' } });
  t.equal(session.id(false), start.session_id, 'nobody is back');
  const next = session.id();
  t.not(next, start.session_id);
  const late = line(request);
  t.match(late, { session_id: start.session_id, ts: START });
  t.notOk('user' in late);
  t.same(
    line({ type: 'error', ...moment(client) }).user,
    { name: 'Alice' },
    'the next session is told who it is',
  );
});

t.test('another user’s session has nothing of it', async (t) => {
  const { options, session, client, line } = page();
  const start = moment(client);
  options.user = { id: 'bob', name: 'Bob' };
  session.renew();
  const late = line({ ...start, type: 'network' });
  t.match(late, { session_id: start.session_id, user_id: 'alice' });
  t.notOk('user' in late, 'nor is Alice told to be Bob');
  t.match(line({}), { session_id: session.id(), user_id: 'bob', user: { name: 'Bob' } });
});

t.test('a new name of the same user is not taken back by what ends late', async (t) => {
  const { options, session, client, line } = page();
  line({});
  const start = moment(client);
  options.user = { id: 'alice', name: 'Alice Smith' };
  t.same(line({}).user, { name: 'Alice Smith' });
  t.notOk('user' in line({ ...start, type: 'network' }));
  t.equal(session.id(), start.session_id);
});
