/** `spyglass migrate`: into ClickHouse, cut off and again, and back out, the same on both sides; and it tells when they are not. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openClickhouseStore } from '../../../src/clickhouse/store.js';
import { type Chdb, startChdb } from '../../support/clickhouse/chdb.js';
import { runSpyglass } from '../../support/collector.js';
import { fillStore } from '../../support/stores.js';

t.setTimeout(600_000);

let chdb: Chdb;
let root: string;
let config: string;
t.before(async () => {
  root = await mkdtemp(join(tmpdir(), 'spyglass-migrate-'));
  config = join(root, 'spyglass.config.json');
  chdb = await startChdb();
  const store = { engine: 'clickhouse', url: chdb.url, database: 'moved' };
  await writeFile(config, JSON.stringify({ apps: { inventory: { key: 'sg_live_x' } }, store }));
});
t.teardown(async () => {
  await chdb.close();
  await rm(root, { recursive: true, force: true });
});

const open = () => openClickhouseStore({ url: chdb.url, database: 'moved', trailMs: 0 });
const migrate = (from: string, to: string) =>
  runSpyglass(['migrate', '--from', from, '--to', to, '--config', config]);

t.test('a folder moves there and back, once or again', async (t) => {
  const dataDir = join(root, 'data');
  const back = join(root, 'back');
  const events = await fillStore(dataDir, { users: 6 });
  const same = new RegExp(`^ok {2}${events} events of \\d+ days are the same on both sides`);
  for (let time = 1; time <= 2; time++) {
    const { code, stdout } = await migrate(dataDir, 'clickhouse');
    t.equal(code, 0);
    t.match(stdout, same);
  }
  const verified = await runSpyglass(['verify', '--config', config]);
  t.match(verified.stdout, `ok  moved: ${events} events, and every view as a fold of them makes it`);

  const store = await open();
  const expected = await store.ask('users', { limit: 500 });
  const { sessions } = await store.ask('sessions', { limit: 500 });
  await store.close();
  t.ok(sessions.some(({ chunk_count }) => chunk_count > 0));
  for (let time = 1; time <= 2; time++) {
    const { code, stdout } = await migrate('clickhouse', back);
    t.equal(code, 0);
    t.match(stdout, same);
  }
  t.match((await runSpyglass(['verify', '--data', back])).stdout, /^ok /);
  const { openLmdbStore } = await import('../../../src/store/open-in-process.js');
  const embedded = await openLmdbStore({ dataDir: back });
  t.same(await embedded.ask('users', { limit: 500 }), expected);
  t.same(await embedded.ask('sessions', { limit: 500 }), { sessions });
  await embedded.close();
});

t.test(
  'what was stored since shows, moves back under the next ids, and another store is refused',
  async (t) => {
    const dataDir = join(root, 'data');
    const store = await open();
    const event = { ts: Date.now(), user_id: 'new', session_id: 's', type: 'event' as const, name: 'since' };
    await store.append([{ app: 'inventory', receivedAt: Date.now(), events: [event, event] }]);
    await store.close();
    const again = await migrate(dataDir, 'clickhouse');
    t.equal(again.code, 1);
    t.match(again.stdout, 'NOT OK  1 of');

    const later = join(root, 'later');
    t.equal((await migrate('clickhouse', later)).code, 0);
    const { openLmdbStore } = await import('../../../src/store/open-in-process.js');
    const embedded = await openLmdbStore({ dataDir: later });
    const { events, head } = await embedded.ask('events', { user: 'new', limit: 2 });
    await embedded.close();
    t.same(
      events.map(({ id }) => id),
      [head, head - 1],
    );

    const other = join(root, 'other');
    await fillStore(other, { users: 2, seed: 9 });
    const refused = await migrate(other, 'clickhouse');
    t.equal(refused.code, 1);
    t.match(refused.stderr, 'another store was moved into this database before');
  },
);
