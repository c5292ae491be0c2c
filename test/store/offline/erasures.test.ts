/** Erasures that cannot be carried out keep no store from opening: they stay pending, said at each start, and can be asked for again. */
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { chunkFilesIn, chunkPath } from '../../../src/replay/files.js';
import { eraseUser } from '../../../src/store/offline/erase.js';
import {
  askForErasure,
  dueErasures,
  pendingErasures,
  removeLeftovers,
} from '../../../src/store/offline/erasures.js';
import { finishErasures } from '../../../src/store/offline/exclusive.js';
import { WORK_FOLDER } from '../../../src/store/offline/work-folder.js';
import { openStore } from '../../../src/store/open.js';
import { openLmdbStore } from '../../../src/store/open-in-process.js';
import { APP, startCollector } from '../../support/collector.js';

const NOW = Date.UTC(2026, 5, 1, 12);
const OPTIONS = { apps: {}, limits: { body_bytes: 1_048_576, chunk_bytes: 1_048_576, events_per_minute: 0 } };

async function storeOf(dataDir: string, users: readonly string[]): Promise<void> {
  const store = await openLmdbStore({ dataDir, now: () => NOW });
  for (const user_id of users)
    await store.append([
      {
        app: 'shop',
        receivedAt: NOW,
        events: [{ ts: NOW, user_id, session_id: `of ${user_id}`, type: 'event', name: `only ${user_id}` }],
      },
    ]);
  await store.close();
}

/** Opens the store as a collector does: who is in it, and what it says of erasures. */
async function start(dataDir: string): Promise<{ users: string[]; said: string }> {
  const said: string[] = [];
  await finishErasures(
    dataDir,
    () => {},
    (text) => said.push(text),
  );
  const { store } = await openStore({ ...OPTIONS, dataDir, now: () => NOW });
  const { users } = await store.ask('users', { limit: 10 });
  await store.close();
  return { users: users.map(({ user_id }) => user_id).sort(), said: said.join() };
}

t.test(
  'an erasure that fails at each start is tried three times, and served beside from then on',
  async (t) => {
    const dataDir = t.testdir();
    await storeOf(dataDir, ['alice', 'bob']);
    askForErasure(dataDir, { user: 'alice' });
    const inTheWay = join(dataDir, WORK_FOLDER);
    writeFileSync(inTheWay, 'a file where the erasure needs a folder');
    for (let tries = 1; tries <= 3; tries++) {
      const { users, said } = await start(dataDir);
      t.same(users, ['alice', 'bob'], 'the store opens');
      t.match(said, /^1 erasures .* still in the store: .*EEXIST/);
      t.same(pendingErasures(dataDir), [{ user: 'alice', tries }]);
    }
    rmSync(inTheWay);
    t.same(dueErasures(dataDir), []);
    t.match((await start(dataDir)).said, /still in the store: it failed too often/);
    t.same(pendingErasures(dataDir), [{ user: 'alice', tries: 3 }], 'no start tries it any more');

    await eraseUser(dataDir, { user: 'bob' }, () => {});
    t.same(pendingErasures(dataDir), [{ user: 'alice', tries: 3 }], 'it keeps no other from being done');
    await eraseUser(dataDir, { user: 'alice' }, () => {});
    t.same(pendingErasures(dataDir), []);
    t.same(await start(dataDir), { users: [], said: '' });
  },
);

t.test('one that only a crash cut off is carried out by the next start', async (t) => {
  const dataDir = t.testdir();
  await storeOf(dataDir, ['alice', 'bob']);
  askForErasure(dataDir, { user: 'alice' });
  t.same(await start(dataDir), { users: ['bob'], said: '' });
  t.same(pendingErasures(dataDir), []);
});

t.test('one that cannot be done keeps no other from being done', async (t) => {
  const dataDir = t.testdir();
  await storeOf(dataDir, ['alice', 'bob', 'carol']);
  for (const user of ['alice', 'bob', 'carol']) askForErasure(dataDir, { user });
  const [alice, ...others] = pendingErasures(dataDir);
  // As a process leaves it that ended amid an erasure, and a request that no erasure can take.
  writeFileSync(
    join(dataDir, 'erasures.json'),
    JSON.stringify([{ ...alice, tries: 1 }, { user: 5, tries: 0 }, ...others]),
  );
  const { users, said } = await start(dataDir);
  t.same(users, []);
  t.match(said, /^1 erasures/);
  t.same(pendingErasures(dataDir), [{ user: 5, tries: 1 }]);
});

t.test('the receipt is of the erasure asked for alone; those tried least come first', async (t) => {
  const dataDir = t.testdir();
  await storeOf(dataDir, ['alice', 'bob', 'carol']);
  writeFileSync(
    join(dataDir, 'erasures.json'),
    JSON.stringify([{ user: 'alice', tries: 1 }, { user: 'carol' }]),
  );
  t.same(
    dueErasures(dataDir).map(({ user }) => user),
    ['carol', 'alice'],
  );
  t.match(await eraseUser(dataDir, { user: 'bob' }, () => {}), { events: 1, sessions: 1 });
  t.same(pendingErasures(dataDir), [{ user: 'alice', tries: 1 }, { user: 'carol' }]);
  t.same(await start(dataDir), { users: [], said: '' });
});

t.test('a running collector tries one that fails only once', async (t) => {
  const c = await startCollector();
  t.teardown(() => c.close());
  await c.send([{ ts: Date.now(), user_id: 'alice', session_id: 's', type: 'event', name: 'n' }]);
  const chunk = { app: APP, session: 's', seq: 1, receivedAt: Date.now(), bytes: new Uint8Array(2) };
  await c.store.putChunk(chunk);
  // The first try fails at the chunk's file; a second would not meet it any more.
  for (const fileId of chunkFilesIn(c.dataDir)) {
    rmSync(chunkPath(c.dataDir, fileId));
    mkdirSync(chunkPath(c.dataDir, fileId));
  }
  const { status } = await fetch(`${c.url}/v1/erase`, { method: 'POST', body: '{"user":"alice"}' });
  t.equal(status, 500);
  t.same(pendingErasures(c.dataDir), [{ user: 'alice', tries: 1 }]);
  t.equal((await c.get('/readyz')).status, 200);
});

t.test('what is left behind goes with all that lies in it, and no link is followed', async (t) => {
  const dir = t.testdir({
    data: { '.tmp': { abc: { 'spyglass.mdb': 'x', replay: { a1: { chunk: 'x' } } } } },
    elsewhere: { kept: 'x' },
  });
  symlinkSync(join(dir, 'elsewhere'), join(dir, 'data/.tmp/abc/link'));
  symlinkSync(join(dir, 'elsewhere'), join(dir, 'data/.compact'));
  removeLeftovers(join(dir, 'data'));
  t.same(readdirSync(join(dir, 'data')), []);
  t.same(readdirSync(join(dir, 'elsewhere')), ['kept']);
  removeLeftovers(join(dir, 'data'));
});
