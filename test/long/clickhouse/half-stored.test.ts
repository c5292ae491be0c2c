/** A batch whose events were stored, but never acknowledged, sent again later under other times: it is there once all the same. */
import t from 'tap';
import { openClickhouseStore } from '../../../src/clickhouse/store.js';
import type { EventRequest, StoredEvent } from '../../../src/domain/event.js';
import type { Store } from '../../../src/store/port.js';
import { type Cluster, startCluster } from '../../support/clickhouse/cluster.js';

const USERS = 20;
const FIRST = Date.UTC(2026, 5, 14, 23, 59);
/** Past midnight: a day counts what is in it, once. */
const LATER = FIRST + 2 * 60_000;
t.setTimeout(300_000);

let cluster: Cluster;
t.before(async () => {
  cluster = await startCluster();
});
t.teardown(() => cluster.close());

/** Events whose time is the time of receipt, as those of a client that says none. */
const batch = (receivedAt: number): EventRequest => ({
  app: 'inventory',
  batchId: 'half-stored',
  receivedAt,
  events: Array.from({ length: USERS }, (_, index) => ({
    ts: receivedAt,
    user_id: `user${index}`,
    session_id: `session${index}`,
    type: 'error' as const,
    name: 'broken',
  })),
});

async function everyEvent(store: Store): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  let page = await store.ask('events', { limit: 3 });
  for (; page.next !== undefined; page = await store.ask('events', { limit: 3, cursor: page.next }))
    events.push(...page.events);
  return [...events, ...page.events];
}

t.test('views and listings agree on a batch that was stored twice', async (t) => {
  const store = await openClickhouseStore({
    url: cluster.urls.join(','),
    cluster: cluster.cluster,
    database: 'half',
    now: () => LATER,
    trailMs: 0,
  });
  t.teardown(() => store.close());
  cluster.lose((sql) => /^\s*INSERT INTO batches\b/i.test(sql));
  const [refused] = await store.append([batch(FIRST)]);
  t.equal(refused?.status, 'rejected', 'nobody said that it is whole');
  cluster.lose(() => false);
  const halves = await Promise.all(
    [0, 1].map((shard) => cluster.ask(shard, 'SELECT count() FROM half.events_local')),
  );
  const half = halves.reduce((sum, count) => sum + Number(count), 0);
  t.ok(half > 0, `${halves} events are there already`);

  t.same(await store.append([batch(LATER)]), [{ status: 'fulfilled', value: 'stored' }]);
  t.same(await store.append([batch(LATER)]), [{ status: 'fulfilled', value: 'duplicate' }]);
  const events = await everyEvent(store);
  t.same(
    events.map(({ user_id }) => user_id).sort(),
    batch(0)
      .events.map(({ user_id }) => user_id)
      .sort(),
  );
  const tail = await store.tail(0, 500);
  t.same(
    tail.events.map(({ id }) => id).sort(),
    events.map(({ id }) => id).sort(),
    'the stream has each once',
  );

  const { dau, errors_by_day } = await store.ask('aggregates', { limit: 10 });
  const days = new Map<string, number>();
  for (const { ts } of events) {
    const day = new Date(ts).toISOString().slice(0, 10);
    days.set(day, (days.get(day) ?? 0) + 1);
  }
  const expected = [...days].sort().map(([day, count]) => ({ day, count }));
  t.same(dau, expected);
  t.same(errors_by_day, expected);
  t.same(await store.ask('names', { limit: 10 }), { names: [{ name: 'broken', count: USERS }] });
  const [group] = (await store.ask('errors', { limit: 10 })).groups;
  t.equal(group?.count, USERS);
  t.same(group?.by_day, expected);
  const tsOf = new Map(events.map(({ user_id, ts }) => [user_id, ts]));
  for (const user of (await store.ask('users', { limit: 100 })).users) {
    const ts = tsOf.get(user.user_id);
    t.same([user.first_seen, user.last_seen, user.session_count], [ts, ts, 1], user.user_id);
  }
  for (const session of (await store.ask('sessions', { limit: 100 })).sessions) {
    const ts = tsOf.get(session.user_id);
    t.same([session.started_at, session.last_seen, session.event_count, session.error_count], [ts, ts, 1, 1]);
  }
});
