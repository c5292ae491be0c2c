/** The model itself against examples worked out by hand from the contract, so that it can be trusted as the measure. */
import t from 'tap';
import type { EventRequest } from '../../src/domain/event.js';
import { DAY_MS, MAX_TS, SEEN_MS } from '../../src/domain/limits.js';
import { batch, DAY, event, given, ids } from './by-hand.js';
import { createModel } from './model.js';
import { dayOf } from './model-answers.js';

t.test('ids grow by one in the order of arrival, and an empty store has head 0', async (t) => {
  t.equal((await createModel().ask('events', { limit: 1 })).head, 0);
  const model = await given(
    batch([event(DAY + 5, 'alice', 'a'), event(DAY, 'alice', 'b')]),
    batch([event(DAY + 9, 'bob', 'c')]),
  );
  const page = await model.ask('events', { limit: 10 });
  t.strictSame(ids(page.events), [3, 1, 2], 'newest first by ts');
  t.equal(page.head, 3);
  t.strictSame(ids((await model.tail(1, 10)).events), [2, 3], 'in order of arrival');
  t.equal((await model.ask('event', { id: 2 }))?.name, 'b');
  t.equal(await model.ask('event', { id: 4 }), undefined);
});

t.test('equal times order by id, and paging yields each event exactly once', async (t) => {
  const model = await given(batch([event(DAY, 'a', 'x'), event(DAY, 'b', 'x'), event(DAY, 'c', 'x')]));
  const first = await model.ask('events', { limit: 2 });
  t.strictSame(ids(first.events), [3, 2]);
  t.strictSame(first.next, { ts: DAY, id: 2 });
  const rest = await model.ask('events', { limit: 2, ...(first.next ? { cursor: first.next } : {}) });
  t.strictSame(ids(rest.events), [1]);
  t.equal(rest.next, undefined, 'no next page after the last');
  t.equal((await model.ask('events', { limit: 3 })).next, undefined, 'nor after a full last page');
});

t.test('from and to are inclusive, and a range the wrong way round is empty', async (t) => {
  const model = await given(
    batch([event(DAY, 'a', 'x'), event(DAY + 1, 'a', 'x'), event(DAY + 2, 'a', 'x')]),
  );
  t.strictSame(ids((await model.ask('events', { from: DAY, to: DAY + 1, limit: 9 })).events), [2, 1]);
  t.strictSame((await model.ask('events', { from: DAY + 1, to: DAY, limit: 9 })).events, []);
});

t.test('lists of apps: none, some, and one that nobody knows among them', async (t) => {
  const shared = event(DAY, 'alice', 'x');
  const model = await given(
    batch([shared]),
    batch([shared], { app: 'shop' }),
    batch([shared], { app: 'wiki' }),
  );
  const listed = async (...apps: string[]) => ids((await model.ask('events', { apps, limit: 9 })).events);
  t.strictSame(await listed(), [], 'a list without an app is about nothing');
  t.strictSame(await listed('shop'), [2]);
  t.strictSame(await listed('wiki', 'nobody-knows', 'inventory'), [3, 1]);
  t.equal(await model.ask('event', { id: 2, apps: ['inventory', 'wiki'] }), undefined);
  t.equal((await model.ask('event', { id: 2, apps: ['inventory', 'shop'] }))?.app, 'shop');
  const { dau } = await model.ask('aggregates', { apps: ['inventory', 'shop'], limit: 9 });
  t.strictSame(dau, [{ day: '2026-06-14', count: 1 }], 'the same person in two apps is one');
});

t.test('an incident has its session around it, a minute before to ten seconds after', async (t) => {
  const late = event(DAY + 70_001, 'alice', 'x');
  const model = await given(
    batch([
      event(DAY + 60_000, 'alice', 'boom', { type: 'error' }),
      event(DAY - 1, 'alice', 'x'),
      event(DAY + 70_000, 'alice', 'x'),
      event(DAY, 'alice', 'x'),
      late,
      event(DAY + 1, 'bob', 'x'),
    ]),
    batch([event(DAY + 1, 'alice', 'x')], { app: 'shop' }),
  );
  const chunk = { app: 'inventory', session: 's_alice', receivedAt: DAY, bytes: new Uint8Array(2) };
  for (const [seq, ts] of [DAY - 9, DAY, DAY + 70_000, DAY + 70_001].entries())
    await model.putChunk({ ...chunk, seq: seq + 1, ts });
  const found = await model.ask('incident', { event_id: 1 });
  t.equal(found?.event.id, 1);
  t.strictSame(ids(found?.around?.breadcrumbs ?? []), [4, 1, 3], 'ascending, both ends inclusive');
  t.strictSame(
    found?.around?.cue.map(({ seq }) => seq),
    [2, 3],
  );
  t.strictSame(await model.ask('incident', { event_id: 2 }), { event: await model.ask('event', { id: 2 }) });
  t.equal(await model.ask('incident', { event_id: 9 }), undefined);
  t.equal(await model.ask('incident', { event_id: 1, apps: ['shop'] }), undefined);
});

t.test('the same app and batch_id within 7 days store nothing again', async (t) => {
  const at = DAY + DAY_MS;
  const one = batch([event(DAY, 'a', 'x')], { batchId: 'batch-0001', receivedAt: at });
  const model = createModel();
  const values = async (...batches: EventRequest[]): Promise<unknown[]> =>
    (await model.append(batches)).map((result) =>
      result.status === 'fulfilled' ? result.value : result.reason,
    );
  t.strictSame(await values(one, one), ['stored', 'duplicate'], 'within one call');
  t.strictSame(await values({ ...one, app: 'shop' }), ['stored'], 'another app');
  t.strictSame(await values({ ...one, receivedAt: at + SEEN_MS }), ['duplicate']);
  t.strictSame(
    await values({ ...one, receivedAt: at + SEEN_MS + 1 }),
    ['stored'],
    'a duplicate does not renew it',
  );
  t.match(await model.stats(), { head: 3, deduplicated_batches: 2, committed_events: 3 });
});

t.test('an import keeps its ids, and one whose ids were given already is refused alone', async (t) => {
  const model = await given(batch([event(DAY, 'a', 'x')]));
  const results = await model.append([
    batch([event(DAY, 'a', 'imported')], { firstId: 10 }),
    batch([event(DAY, 'a', 'refused')], { firstId: 10 }),
    batch([event(DAY, 'a', 'next')]),
  ]);
  t.strictSame(
    results.map((result) => result.status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  const page = await model.tail(1, 9);
  t.strictSame(
    page.events.map((one) => [one.id, one.name]),
    [
      [10, 'imported'],
      [11, 'next'],
    ],
  );
});

t.test('users: one row per user and app, the newest name and the newest email each on its own', async (t) => {
  const model = await given(
    batch([
      event(DAY + 9, 'alice', 'x', { user: { name: 'New' } }),
      event(DAY + 5, 'alice', 'x', { user: { name: 'Old', email: 'old@x' }, session_id: 'other' }),
      event(DAY + 1, 'alice', 'x', { user: { email: 'older@x' } }),
    ]),
    batch([event(DAY + 9, 'bob', 'x'), event(DAY + 9, 'alice', 'x')], { app: 'a' }),
  );
  t.strictSame((await model.ask('users', { limit: 9 })).users, [
    { user_id: 'alice', app: 'a', first_seen: DAY + 9, last_seen: DAY + 9, session_count: 1 },
    {
      user_id: 'alice',
      app: 'inventory',
      first_seen: DAY + 1,
      last_seen: DAY + 9,
      session_count: 2,
      name: 'New',
      email: 'old@x',
    },
    { user_id: 'bob', app: 'a', first_seen: DAY + 9, last_seen: DAY + 9, session_count: 1 },
  ]);
  t.equal((await model.ask('users', { apps: ['inventory'], limit: 9 })).users.length, 1);
});

t.test(
  'sessions: bounds by ts, the user of the newest event, listed for every user who was in it',
  async (t) => {
    const shared = { session_id: 's' };
    const model = await given(
      batch([
        event(DAY + 5, 'anonymous', 'x', shared),
        event(DAY + 7, 'alice', 'x', { ...shared, type: 'error' }),
        event(DAY + 1, 'late', 'x', shared),
      ]),
      batch([event(DAY + 7, 'bob', 'x', { session_id: 'r' })]),
    );
    await model.putChunk({
      app: 'inventory',
      session: 's',
      seq: 1,
      receivedAt: DAY,
      bytes: new Uint8Array(2),
    });
    await model.putChunk({
      app: 'inventory',
      session: 's',
      seq: 1,
      receivedAt: DAY,
      bytes: new Uint8Array(3),
    });
    await model.putChunk({ app: 'shop', session: 's', seq: 1, receivedAt: DAY, bytes: new Uint8Array(3) });
    const row = {
      session_id: 's',
      app: 'inventory',
      user_id: 'alice',
      started_at: DAY + 1,
      last_seen: DAY + 7,
      event_count: 3,
      error_count: 1,
      chunk_count: 1,
    };
    const { sessions } = await model.ask('sessions', { limit: 9 });
    t.strictSame(
      sessions.map((session) => session.session_id),
      ['r', 's'],
      'equal last_seen orders by session_id',
    );
    t.strictSame(sessions[1], row);
    t.strictSame((await model.ask('sessions', { user: 'late', limit: 9 })).sessions, [row]);
    t.strictSame((await model.ask('sessions', { user: 'nobody', limit: 9 })).sessions, []);
    t.strictSame(await model.sessionApps('s'), ['inventory', 'shop'], 'a chunk alone makes a session known');
    t.equal((await model.ask('sessions', { apps: ['shop'], limit: 9 })).sessions.length, 0, 'but not listed');
  },
);

t.test('orders promised for text are those of UTF-8 bytes', async (t) => {
  const model = await given(
    batch([event(DAY, '\u{1F600}', 'x'), event(DAY, '\uFFFD', 'x'), event(DAY, 'z', 'x')]),
  );
  const { users } = await model.ask('users', { limit: 9 });
  t.strictSame(
    users.map((user) => user.user_id),
    ['z', '\uFFFD', '\u{1F600}'],
    'UTF-16 units would turn the last two',
  );
});

t.test(
  'funnel: only the very next step advances, a name may repeat, users are one across apps',
  async (t) => {
    const model = await given(
      batch([
        event(DAY + 1, 'all', 'view'),
        event(DAY + 2, 'all', 'cart'),
        event(DAY + 3, 'all', 'checkout'),
        event(DAY + 1, 'back', 'cart'),
        event(DAY + 2, 'back', 'view'),
        event(DAY + 1, 'skips', 'view'),
        event(DAY + 2, 'skips', 'checkout'),
        event(DAY + 5, 'tie', 'view'),
        event(DAY + 5, 'tie', 'cart'),
        event(DAY + 1, 'across', 'view'),
      ]),
      batch([event(DAY + 2, 'across', 'cart', { type: 'network' })], { app: 'shop' }),
    );
    const count = async (steps: string[], rest = {}): Promise<number[]> =>
      (await model.ask('funnel', { steps, ...rest })).steps.map((step) => step.count);
    t.strictSame((await model.ask('funnel', { steps: ['view', 'cart'] })).steps, [
      { name: 'view', count: 5 },
      { name: 'cart', count: 3 },
    ]);
    t.strictSame(await count(['view', 'cart', 'checkout']), [5, 3, 1]);
    t.strictSame(
      await count(['view', 'cart'], { apps: ['inventory'] }),
      [5, 2],
      'not across apps when one is asked for',
    );
    t.strictSame(await count(['cart', 'view']), [4, 1]);
    t.strictSame(await count(['view', 'view']), [5, 0], 'one event is one step');
    t.strictSame(await count(['view', 'cart'], { to: DAY + 1 }), [3, 0]);
    t.strictSame(await count(['nothing', 'view']), [0, 0]);
  },
);

t.test(
  'aggregates: users once a day over all types, counts descending then by name, empty days left out',
  async (t) => {
    const next = DAY + DAY_MS;
    const model = await given(
      batch([
        event(DAY, 'alice', 'view'),
        event(DAY + 1, 'alice', 'view'),
        event(next - 1, 'bob', 'cart'),
        event(next, 'bob', 'buy', { type: 'error' }),
        event(next + 2 * DAY_MS, 'bob', '/home', { type: 'pageview' }),
      ]),
      batch([event(DAY + 2, 'alice', 'zoom')], { app: 'shop' }),
    );
    t.strictSame(await model.ask('aggregates', { limit: 10 }), {
      dau: [
        { day: '2026-06-14', count: 2 },
        { day: '2026-06-15', count: 1 },
        { day: '2026-06-17', count: 1 },
      ],
      top_events: [
        { name: 'view', count: 2 },
        { name: 'cart', count: 1 },
        { name: 'zoom', count: 1 },
      ],
      top_pages: [{ name: '/home', count: 1 }],
      errors_by_day: [{ day: '2026-06-15', count: 1 }],
    });
    const cut = await model.ask('aggregates', { from: DAY + 1, to: next - 2, apps: ['inventory'], limit: 1 });
    t.strictSame(cut, {
      dau: [{ day: '2026-06-14', count: 1 }],
      top_events: [{ name: 'view', count: 1 }],
      top_pages: [],
      errors_by_day: [],
    });
    t.equal(dayOf(0), '1970-01-01');
    t.equal(dayOf(MAX_TS), '+010889-08-02');
  },
);

t.test('names: by prefix, counted over all types or one', async (t) => {
  const model = await given(
    batch([
      event(DAY, 'alice', 'cart'),
      event(DAY, 'alice', 'checkout'),
      event(DAY + DAY_MS, 'bob', 'checkout'),
      event(DAY, 'bob', 'cart', { type: 'error' }),
      event(DAY, 'bob', 'view'),
    ]),
    batch([event(DAY, 'bob', 'cart')], { app: 'shop' }),
  );
  t.strictSame((await model.ask('names', { prefix: 'c', limit: 9 })).names, [
    { name: 'cart', count: 3 },
    { name: 'checkout', count: 2 },
  ]);
  t.strictSame((await model.ask('names', { prefix: 'ca', type: 'error', limit: 9 })).names, [
    { name: 'cart', count: 1 },
  ]);
  t.strictSame((await model.ask('names', { apps: ['shop'], limit: 9 })).names, [{ name: 'cart', count: 1 }]);
  t.strictSame((await model.ask('names', { limit: 1 })).names, [{ name: 'cart', count: 3 }]);
});
