/** The store on threads of its own: what others may see in its tables while groups are on their way into them. */
import t from 'tap';
import { GROUP_REQUESTS_MAX } from '../../../src/domain/limits.js';
import { openLog } from '../../../src/log/batches/log.js';
import { openEnv } from '../../../src/log/file/env.js';
import { beginCommit } from '../../../src/log/wal/commit.js';
import { openPending } from '../../../src/log/wal/pending.js';
import { newestInWal, openWal } from '../../../src/log/wal/wal.js';
import { openStore } from '../../../src/store/open.js';

const NOW = Date.UTC(2026, 5, 1, 12);
const LIMITS = { body_bytes: 1_048_576, chunk_bytes: 8_388_608, events_per_minute: 0 };

const APPS = { shop: { key: 'sg_shop_0123456789', origins: [] } };

/** A request with events of one session. */
const request = (name: string, events: number) => ({
  receivedAt: NOW,
  body: Buffer.from(
    JSON.stringify({
      app: 'shop',
      key: APPS.shop.key,
      sent_at: NOW,
      events: Array.from({ length: events }, (_, n) => ({
        ts: NOW + n,
        user_id: `user ${n}`,
        session_id: 's',
        type: 'event',
        name,
      })),
    }),
  ),
});

t.test('a chunk’s row never stands under the number of an app that the tables do not know yet', async (t) => {
  const dataDir = t.testdir();
  const { store, ingest } = await openStore({ dataDir, apps: APPS, limits: LIMITS, now: () => NOW });
  t.teardown(() => store.close());
  const env = openEnv(dataDir, { mode: 'write' });
  t.teardown(() => env.close());
  const log = openLog(env);
  for (let round = 0; round < 3; round++) {
    // The longer the writer applied, the longer it lets groups gather.
    t.equal(await ingest(request('many', 2_000)), undefined);
    await store.ask('events', { limit: 1 });
    const app = `new ${round}`;
    await store.putChunk({ app, session: 's', seq: 0, receivedAt: NOW, bytes: Buffer.from('[]') });
    env.renewSnapshot();
    t.type(log.dictionaries.number('app', app), 'number', app);
  }
});

t.test('more requests than a group takes are all answered, and stored in the order of arrival', async (t) => {
  const count = 5 * GROUP_REQUESTS_MAX + 1;
  const isWrong = (n: number): boolean => n % 50 === 7;
  const right = Array.from({ length: count }, (_, n) => n).filter((n) => !isWrong(n));
  // Room for each of them once.
  const limits = { ...LIMITS, events_per_minute: right.length };
  const { store, ingest } = await openStore({ dataDir: t.testdir(), apps: APPS, limits, now: () => NOW });
  t.teardown(() => store.close());
  const body = (n: number): Buffer => {
    const text = JSON.stringify({
      app: 'shop',
      key: isWrong(n) ? 'a wrong one' : APPS.shop.key,
      events: [{ ts: NOW, user_id: 'u', session_id: 's', type: 'event', name: `n${n}` }],
    });
    // Some take the reader that is loaded when the first of them comes: what came before and after them waits its turn.
    return Buffer.from(n % 70 === 33 ? text.replace('"events"', String.raw`"event\u0073"`) : text);
  };
  const answers = await Promise.all(
    Array.from({ length: count }, (_, n) => ingest({ body: body(n), receivedAt: NOW })),
  );
  // Once many wait, a request that does not show the right key may find no room.
  t.same(
    answers.map((answer) => (answer?.code === 'key_not_shown' ? 'unauthorized_app' : answer?.code)),
    answers.map((_, n) => (isWrong(n) ? 'unauthorized_app' : undefined)),
  );
  const { events } = await store.tail(0, count);
  t.same(
    events.map(({ name }) => name),
    right.map((n) => `n${n}`),
  );
});

/** Leaves groups of one event each in the WAL of a store, as a crash does. */
async function leaveInWal(dataDir: string, count: number): Promise<void> {
  const env = openEnv(dataDir, { mode: 'read' });
  const log = openLog(env);
  const pending = openPending(log);
  const wal = openWal(dataDir, log.storeId);
  for (let n = 0; n < count; n++) {
    const commit = beginCommit(pending);
    const named = { ts: NOW, user_id: `u${n}`, session_id: 's', type: 'event', name: `left ${n}` } as const;
    commit.add({ app: 'shop', batchId: `batch-${n}-left`, receivedAt: NOW, events: [named] });
    const sealed = commit.seal();
    if (!sealed) throw new Error('nothing to seal');
    pending.push(sealed);
    wal.append(sealed.bytes);
  }
  wal.close();
  await env.close();
}

t.test('what the last run left in the WAL is continued before it is applied', async (t) => {
  const dataDir = t.testdir();
  const options = { dataDir, apps: APPS, limits: LIMITS, now: () => NOW };
  await (await openStore(options)).store.close();
  await leaveInWal(dataDir, 30);
  const notices: string[] = [];
  const { store, ingest, caughtUp } = await openStore({
    ...options,
    onNotice: ({ text }) => notices.push(text),
  });
  t.not(caughtUp(), undefined, 'reads wait for it');
  t.not(await store.timeEvidence(7), 7, 'tables that are still empty do not make any clock right');
  // A retry of what was acknowledged, and something new under a text that only the WAL has.
  const again = { ts: NOW, user_id: 'u3', session_id: 's', type: 'event', name: 'left 3' };
  const body = { app: 'shop', key: APPS.shop.key, sent_at: NOW, events: [again] };
  for (const batch_id of ['batch-3-left', 'batch-3-new'])
    t.equal(
      await ingest({ receivedAt: NOW, body: Buffer.from(JSON.stringify({ ...body, batch_id })) }),
      undefined,
    );
  const { events } = await store.tail(0, 100);
  t.same(
    events.map(({ name }) => name),
    [...Array.from({ length: 30 }, (_, n) => `left ${n}`), 'left 3'],
  );
  t.equal((await store.ask('users', { limit: 100 })).users.length, 30);
  t.match(notices.join(), /30 commits that the last run left in the WAL/);
  await store.close();
  const env = openEnv(dataDir, { mode: 'read' });
  const log = openLog(env);
  t.equal(
    newestInWal(dataDir, log.storeId),
    log.counters().commit - 1,
    'a stop applies what it has time for',
  );
  await env.close();
});
