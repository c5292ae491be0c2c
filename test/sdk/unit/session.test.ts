/** Sessions end by idleness, by age and by another user, and by nothing else. */
import { mock } from 'node:test';
import t from 'tap';
import { createSession } from '../../../sdk/src/session.js';
import { memoryShelf } from './pages.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

t.beforeEach(() => mock.timers.enable({ apis: ['Date'], now: Date.UTC(2026, 5, 14) }));
t.afterEach(() => mock.timers.reset());

function page(shelf = memoryShelf(), user = 'alice') {
  const begun: string[] = [];
  const who = { id: user };
  const session = createSession({
    shelf,
    key: 'session',
    user: () => who.id,
    begun: (id) => begun.push(id),
  });
  return { session, begun, shelf, who };
}

t.test('30 minutes without activity end it, activity begins the next', async (t) => {
  const { session, begun } = page();
  const first = session.id(true);
  mock.timers.tick(30 * MINUTE_MS);
  t.equal(session.id(true), first);
  mock.timers.tick(30 * MINUTE_MS + 1);
  const second = session.id(true);
  t.not(second, first);
  t.same(begun, [second]);
});

t.test('what happens by itself neither keeps it alive nor ends it', async (t) => {
  const { session } = page();
  const first = session.id(true);
  for (let minutes = 0; minutes < 60; minutes += 10) {
    mock.timers.tick(10 * MINUTE_MS);
    t.equal(session.id(false), first);
  }
  t.not(session.id(true), first);
});

t.test('24 hours end it, whatever happens', async (t) => {
  const { session } = page();
  const first = session.id(true);
  for (let minutes = 0; minutes < 24 * 60; minutes += 20) {
    t.equal(session.id(true), first);
    mock.timers.tick(20 * MINUTE_MS);
  }
  t.equal(session.id(false), first);
  mock.timers.tick(1);
  t.not(session.id(false), first);
});

t.test('a clock set back far ends it, a little does not', async (t) => {
  const now = Date.now();
  const { session } = page();
  const first = session.id(true);
  mock.timers.setTime(now - 10 * MINUTE_MS);
  t.equal(session.id(true), first);
  mock.timers.setTime(now - 48 * HOUR_MS);
  const second = session.id(true);
  t.not(second, first);
  mock.timers.tick(31 * MINUTE_MS);
  t.not(session.id(true), second, 'and the next ends as any');
});

t.test('a reload goes on with it', async (t) => {
  const { session, shelf } = page();
  const first = session.id(true);
  session.release();
  session.id(true); // what happens while the page goes
  mock.timers.tick(29 * MINUTE_MS);
  t.equal(page(shelf).session.id(true), first);
});

t.test('a reload after the idle time, the longest time, or by another user does not', async (t) => {
  for (const wait of [31 * MINUTE_MS, 25 * HOUR_MS]) {
    const { session, shelf } = page();
    const first = session.id(true);
    session.release();
    mock.timers.tick(wait);
    t.not(page(shelf).session.id(true), first);
  }
  const { session, shelf } = page();
  session.release();
  t.not(page(shelf, 'bob').session.id(true), session.id(true));
});

t.test('a tab that begins with a copy of another’s storage has a session of its own', async (t) => {
  const { session, shelf } = page();
  t.not(page(memoryShelf(new Map(shelf.entries))).session.id(true), session.id(true));
});

t.test('a page out of the back-forward cache goes on as the page after it did', async (t) => {
  const before = page();
  const first = before.session.id(true);
  before.session.release();
  const after = page(before.shelf);
  t.equal(after.session.id(true), first);
  after.session.renew();
  after.session.release();
  before.session.hold();
  t.equal(before.session.id(true), after.session.id(true));
  t.same(before.begun, [after.session.id(true)]);
});

t.test('a page out of the back-forward cache after an hour begins another', async (t) => {
  const { session, begun } = page();
  const first = session.id(true);
  session.release();
  mock.timers.tick(HOUR_MS);
  session.hold();
  t.not(session.id(true), first);
  t.equal(begun.length, 1);
});

t.test('a session hears once who its user is, and again when that changes', async (t) => {
  const { session, shelf } = page();
  t.ok(session.introduce(session.id(), 'Alice'));
  t.notOk(session.introduce(session.id(), 'Alice'));
  session.release();
  const next = page(shelf).session;
  t.notOk(next.introduce(next.id(), 'Alice'), 'not after a reload');
  t.ok(next.introduce(next.id(), 'Alice Smith'));
  const before = next.id();
  next.renew();
  t.notOk(next.introduce(before, 'Alice'), 'a session that is over hears nothing');
  t.ok(next.introduce(next.id(), 'Alice Smith'), 'and costs the next one nothing');
});

t.test('a record that is none is no session', async (t) => {
  for (const text of ['', 'null', '{', '[]', '7', '{"id":7}']) {
    const { session } = page(memoryShelf(new Map([['session', text]])));
    t.match(session.id(true), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/, text);
  }
});
