/** `spyglass erase` and `POST /v1/erase` before anything is erased: of nobody, and as a dry run, beside a collector and alone. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { spawnCollector } from '../../support/collector.js';
import { runSpyglass } from '../../support/command.js';
import { apps, ask, event, get, problemOf, store } from '../../support/http.js';
import { chunk, upload } from '../../support/replay.js';

const c = await spawnCollector({ apps: apps('inventory', 'shop') });
t.teardown(() => c.close());
await store(c.url, 'inventory', [
  event({ user_id: 'alice@example.com', session_id: 's_1' }),
  event({ user_id: 'alice@example.com', session_id: 's_2' }),
  ...['alicia@example.com', 'bob', 'Bob', 'zoe'].map((user_id) => event({ user_id, session_id: 's_0' })),
]);
await store(c.url, 'shop', [event({ user_id: 'alice@example.com', session_id: 's_9' })]);
await upload(c.url, { app: 'inventory', session: 's_1', seq: 1 }, chunk('x'));

const erase = (...args: string[]) => runSpyglass(['erase', '--config', c.configFile, ...args]);
const post = (user: string, app?: string) =>
  ask(c.url, '/v1/erase', { method: 'POST', body: JSON.stringify({ user, app }) });
const isThere = async (user: string) =>
  (await get<{ users: object[] }>(c.url, `/v1/query/users?user=${user}`)).users.length > 0;

t.test('of nobody: a 404 with up to five ids like it', async (t) => {
  const near = async (user: string, app?: string) => {
    const answer = await post(user, app);
    problemOf(answer, 404);
    return JSON.parse(answer.text).near as string[];
  };
  t.same((await near('alice@exmaple.com'))[0], 'alice@example.com');
  t.same((await near('bobb')).sort(), ['Bob', 'bob']);
  t.same(await near('alice@example.com '), ['alice@example.com', 'alicia@example.com']);
  t.same(await near('somebody quite different'), []);
  t.same(await near('bob', 'shop'), [], 'an app that does not know the user');
  t.same(await near('bob', 'nowhere'), []);
  const many = Array.from({ length: 9 }, (_, n) => event({ user_id: `customer-${n}` }));
  await store(c.url, 'shop', many);
  t.equal((await near('customer-x')).length, 5);
});

const steps = async (t: Test, where: string) => {
  await t.test(`${where}: of nobody, exit code 1 and a line with ids like it`, async (t) => {
    const { code, stdout, stderr } = await erase('--user', 'alice@exmaple.com');
    t.equal(code, 1);
    t.match(stderr, /No event is of a user "alice@exmaple.com".*Near it: "alice@example.com"/);
    t.notMatch(stdout, /ok /);
    t.equal((await erase('--user', 'nobody at all', '--dry-run')).code, 1);
    t.equal((await erase('--user', 'bob', '--app', 'shop', '--yes')).code, 1);
  });
  await t.test(`${where}: a dry run says what would go, and nothing goes`, async (t) => {
    const { code, stdout } = await erase('--user', 'alice@example.com', '--dry-run');
    t.equal(code, 0);
    t.match(stdout, /in every app has\n {2}events {4}3, of 3 sessions\n {2}replays {3}1 chunks/);
    t.match(stdout, /Nothing was erased/);
    const { stdout: ofShop } = await erase('--user', 'alice@example.com', '--app', 'shop', '--dry-run');
    t.match(ofShop, /in app shop has\n {2}events {4}1, of 1 sessions\n {2}replays {3}0 chunks/);
  });
};

t.test('in a collector and without one', async (t) => {
  await steps(t, 'beside a collector');
  await t.test('nobody was erased, and who is there is', async (t) => {
    t.ok(await isThere('alice@example.com'));
    t.equal((await erase('--user', 'zoe', '--yes')).code, 0);
    t.notOk(await isThere('zoe'));
    t.equal((await post('zoe')).status, 404, 'once');
  });
  await c.stop('SIGTERM');
  await steps(t, 'alone');
  await t.test('a script that says nothing else is taken at its word', async (t) => {
    const { code, stdout } = await erase('--user', 'alice@example.com');
    t.equal(code, 0, stdout);
    t.match(stdout, /^ok {2}user "alice@example.com" was erased/m);
    t.equal((await erase('--user', 'alice@example.com')).code, 1);
  });
  await t.test('one that came half-way may be asked for again, though no event names its user', async (t) => {
    const pending = join(c.dataDir, 'erasures.json');
    writeFileSync(pending, JSON.stringify([{ user: 'half gone', tries: 3 }]));
    t.equal((await erase('--user', 'half gone', '--app', 'shop')).code, 1, 'in one app nobody asked');
    t.equal((await erase('--user', 'half gone', '--dry-run')).code, 0);
    t.equal((await erase('--user', 'half gone')).code, 0);
    t.equal((await erase('--user', 'half gone')).code, 1, 'now it is done');
  });
});
