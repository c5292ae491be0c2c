/** A sweep without a bound on events: it forgets expired batch_ids, and finishes what an earlier sweep left. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { EventRequest } from '../../src/domain/event.js';
import { DAY_MS, SEEN_MS } from '../../src/domain/limits.js';
import { META } from '../../src/log/batches/log.js';
import { type Env, openEnv } from '../../src/log/file/env.js';
import { u48 } from '../../src/log/file/keys.js';
import { verifyStore } from '../../src/store/offline/verify.js';
import { openLmdbStore } from '../../src/store/open-in-process.js';
import type { WritableStore } from '../../src/store/port.js';

const TODAY = Date.UTC(2026, 2, 1);

async function folder(t: Test): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'spyglass-sweep-'));
  t.teardown(() => rm(dataDir, { recursive: true, force: true }));
  return dataDir;
}

async function withStore<T>(
  dataDir: string,
  now: () => number,
  use: (store: WritableStore) => Promise<T>,
): Promise<T> {
  const store = await openLmdbStore({ dataDir, now });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

async function withEnv<T>(dataDir: string, mode: 'read' | 'write', use: (env: Env) => T): Promise<T> {
  const env = openEnv(dataDir, { mode });
  try {
    return use(env);
  } finally {
    await env.close();
  }
}

const batch = (batchId: string, receivedAt: number, ts: number): EventRequest => ({
  app: 'inventory',
  batchId,
  receivedAt,
  events: [{ ts, user_id: 'alice', session_id: `s_${batchId}`, type: 'event', name: 'view' }],
});

/** How many batch_ids and commits of batch_ids are remembered. */
const remembered = (dataDir: string) =>
  withEnv(dataDir, 'read', (env) => [env.table('seen').entryCount(), env.table('seen_expiry').entryCount()]);

t.test('forgets expired batch_ids, where events and replays are kept for ever', async (t) => {
  const dataDir = await folder(t);
  let now = TODAY;
  await withStore(
    dataDir,
    () => now,
    async (store) => {
      // More commits than are forgotten in one transaction.
      for (let i = 0; i < 150; i++) await store.append([batch(`early-${i}`, TODAY, TODAY)]);
      await store.append([batch('later-batch', TODAY + DAY_MS, TODAY)]);
      now = TODAY + SEEN_MS;
      t.same(await store.sweep({}), { events: 0, chunks: 0 });
    },
  );
  t.same(await remembered(dataDir), [151, 151], 'not before its seven days are over');

  now = TODAY + SEEN_MS + 1;
  await withStore(
    dataDir,
    () => now,
    (store) => store.sweep({}),
  );
  t.same(await remembered(dataDir), [1, 1]);
  await withStore(
    dataDir,
    () => now,
    async (store) => {
      const [again] = await store.append([batch('later-batch', now, TODAY)]);
      t.match(again, { value: 'duplicate' });
      t.equal((await store.ask('events', { limit: 500 })).events.length, 151);
    },
  );
});

t.test('a fence in the future refuses, and is lowered once the time is trusted', async (t) => {
  const dataDir = await folder(t);
  const now = () => TODAY + DAY_MS / 2;
  const events = (store: WritableStore) =>
    store.ask('events', { limit: 500 }).then(({ events }) => events.length);
  await withStore(dataDir, now, async (store) => {
    await store.append([batch('before-it', now(), TODAY), batch('ahead-of-it', now(), TODAY + 40 * DAY_MS)]);
    // What a clock that was ahead for once left behind.
    await store.sweep({ eventsBefore: TODAY + 30 * DAY_MS });
    const [refused] = await store.append([batch('much-too-soon', now(), TODAY)]);
    t.match(refused, { status: 'rejected', reason: { name: 'FenceAhead' } });
    t.equal((await store.stats()).late_events, 0, 'no acknowledgement');
    await store.sweep({ now: now() });
    const [stored] = await store.append([batch('much-too-soon', now(), TODAY)]);
    t.match(stored, { status: 'fulfilled', value: 'stored' });
    t.equal(await events(store), 2);
    const [late] = await store.append([batch('a-week-late', now(), TODAY - 7 * DAY_MS)]);
    t.match(late, { status: 'fulfilled' });
    t.equal((await store.stats()).late_events, 1, 'the fence is a day before the trusted time');
  });
  t.equal((await verifyStore(dataDir, () => {})).problem, undefined, 'views are as a rebuild makes them');
});

t.test('what the store knows of the time: what was noted, else the newest receipt', async (t) => {
  const dataDir = await folder(t);
  await withStore(dataDir, Date.now, async (store) => {
    t.equal(await store.timeEvidence(7), 7, 'an empty store has nothing to lose');
    const { batchId: _, ...nameless } = batch('', TODAY, TODAY);
    await store.append([nameless]);
    t.equal(await store.timeEvidence(7), undefined, 'events say when they happened, as a client tells it');
    await store.append([batch('with-an-id', TODAY + 5, TODAY)]);
    t.equal(await store.timeEvidence(7), TODAY + 5);
    const chunk = { app: 'inventory', session: 's', seq: 1, receivedAt: TODAY + 9 };
    await store.putChunk({ ...chunk, bytes: new Uint8Array(2) });
    t.equal(await store.timeEvidence(7), TODAY + 9);
    await store.noteTime(TODAY - 1);
  });
  await withStore(dataDir, Date.now, async (store) => t.equal(await store.timeEvidence(7), TODAY - 1));
});

t.test('finishes what a sweep that was cut off had begun', async (t) => {
  const dataDir = await folder(t);
  const now = () => TODAY;
  await withStore(dataDir, now, async (store) => {
    for (let day = 1; day <= 4; day++)
      await store.append([batch(`day-${day}-of`, TODAY, TODAY - day * DAY_MS)]);
  });
  // All that is on the disk when a sweep ends right after its first commit.
  await withEnv(dataDir, 'write', (env) =>
    env.transaction(() => env.table('meta').put(META.fence, u48(TODAY - 2 * DAY_MS))),
  );
  const swept = await withStore(dataDir, now, (store) => store.sweep({ replaysBefore: TODAY }));
  t.same(swept, { events: 2, chunks: 0 });
  t.equal(await withEnv(dataDir, 'read', (env) => env.table('log', { compressed: true }).entryCount()), 2);
  t.equal((await verifyStore(dataDir, () => {})).problem, undefined);
});

t.test(
  'a look-up of one user under a fence looks at the clock for each of the user’s sessions',
  async (t) => {
    const dataDir = await folder(t);
    const early = Array.from({ length: 4_000 }, (_, n) => batch(`early-${n}`, TODAY, TODAY - 2 * DAY_MS));
    await withStore(
      dataDir,
      () => TODAY,
      (store) => store.append([...early, batch('late', TODAY, TODAY)]),
    );
    // A sweep has begun, and has come to none of the user's rows.
    await withEnv(dataDir, 'write', (env) =>
      env.transaction(() => env.table('meta').put(META.fence, u48(TODAY - DAY_MS))),
    );
    let looks = 0;
    const isCancelled = () => ++looks < 0;
    const reading = { nextLimit: () => ({ ms: 1e9, isCancelled }) };
    const store = await openLmdbStore({ dataDir, now: () => TODAY, reading });
    t.match(await store.ask('users', { user: 'alice', limit: 1 }), { users: [{ session_count: 1 }] });
    t.ok(looks >= 60, `${looks} looks`);
    looks = 0;
    t.equal((await store.ask('sessions', { user: 'alice', limit: 9 })).sessions.length, 1);
    t.ok(looks >= 60, `${looks} looks`);
    await store.close();
  },
);
