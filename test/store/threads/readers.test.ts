/** The reader threads as they are: a look-up that turns out long, one whose reader leaves, and a thread out of memory. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openStore } from '../../../src/store/open.js';
import type { Notice } from '../../../src/store/threads/messages.js';
import type { ReadersOptions } from '../../../src/store/threads/readers.js';
import { fillHostile } from '../../support/hostile-store.js';

const LIMITS = { body_bytes: 1_048_576, chunk_bytes: 1_048_576, events_per_minute: 0 };
const AMOUNTS = {
  ...{ fat: 0, fatBytes: 0, hugeBytes: 10, names: 30_000, groups: 0, days: 0, sessions: 20_000, chunks: 1 },
};

const dataDir = await mkdtemp(join(tmpdir(), 'spyglass-readers-'));
await fillHostile(dataDir, AMOUNTS);
t.teardown(() => rm(dataDir, { recursive: true, force: true, maxRetries: 3 }));

async function open(t: Test, readers: Partial<ReadersOptions>) {
  const notices: Notice[] = [];
  const onNotice = (notice: Notice) => void notices.push(notice);
  const { store } = await openStore({ dataDir, apps: {}, limits: LIMITS, onNotice, readers });
  t.teardown(() => store.close());
  return { store, notices };
}
const sessions = { user: 'service', limit: 3 };

t.test('a look-up that takes long goes on elsewhere, and is answered', async (t) => {
  const { store } = await open(t, { lookupMs: 1 });
  t.equal((await store.ask('sessions', sessions)).sessions.length, 3);
});

t.test('a read that takes longer than a read may is a timeout, in every lane', async (t) => {
  const { store } = await open(t, { lookupMs: 1, readMs: 2 });
  await t.rejects(store.ask('sessions', sessions), { name: 'ReadTimeout' });
  await t.rejects(store.ask('names', { limit: 1 }), { name: 'ReadTimeout' });
});

t.test('a read ends when its reader leaves, and the thread is free for the next', async (t) => {
  const { store } = await open(t, {});
  await store.ask('names', { limit: 1 });
  const stops: (() => void)[] = [];
  const reads = ['a', 'b', 'c'].map((reader) =>
    store.answer(
      'names',
      { limit: 1 },
      { hasManyApps: false },
      { reader, onLeave: (stop) => stops.push(stop) },
    ),
  );
  for (const stop of stops) stop();
  for (const read of reads) await t.rejects(read, { name: 'ReadCancelled' });
  t.equal((await store.ask('names', { limit: 1 })).names.length, 1);
  t.equal(store.reads().waiting, 0);
});

t.test('a thread out of memory fails its read, and is started anew', async (t) => {
  const { store, notices } = await open(t, { heapMb: 2 });
  const died = await store.ask('names', { limit: 500 }).then(
    () => undefined,
    (error: Error) => error.name,
  );
  t.equal(died, 'ReaderDied');
  t.ok(store.reads().deaths > 0);
  t.match(notices, [{ level: 'error', text: /heavy reads died/ }]);
});
