/** `spyglass serve`: starts that work, starts that must not, and ways to end. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { writeFirstConfig } from '../../src/cli/config-file.js';
import { loadConfig } from '../../src/config/config.js';
import { openEnv } from '../../src/log/file/env.js';
import { APP, KEY, spawnCollector } from '../support/collector.js';
import { runSpyglass } from '../support/command.js';
import { assertExactlyOnce, startLoad } from '../support/load.js';
import { fillStore } from '../support/stores.js';

/** Many processes are started in here; a hang is a failure, a slow machine is not. */
t.setTimeout(180_000);

/** A configuration file in a folder of its own. */
function configured(t: Test, over: object = {}): { dir: string; file: string; dataDir: string } {
  const dir = t.testdir({});
  const file = join(dir, 'spyglass.config.json');
  const config = { listen: '127.0.0.1:0', apps: { inventory: { key: 'sg_live_x' } }, ...over };
  writeFileSync(file, JSON.stringify(config));
  return { dir, file, dataDir: join(dir, 'data') };
}

/** Holds that a start fails: one line on standard error, nothing on standard output, no stack; returns the line. */
async function refusal(t: Test, file: string): Promise<string> {
  const { code, stdout, stderr } = await runSpyglass(['serve', '--config', file]);
  t.equal(code, 1, stderr);
  t.equal(stdout, '');
  t.match(stderr, /^spyglass: [^\n]+\n$/);
  t.notMatch(stderr, 'sg_live_');
  return stderr;
}

t.test(
  'a first configuration has a key of its own, is for its owner only, and is never overwritten',
  async (t) => {
    const dir = t.testdir({});
    const [one, other] = [join(dir, 'one.json'), join(dir, 'other.json')];
    t.equal(await writeFirstConfig(one), true);
    t.equal(await writeFirstConfig(other), true);
    const [first, second] = [loadConfig(one, {}), loadConfig(other, {})];
    t.match(first, {
      listen: { host: '127.0.0.1', port: 7474 },
      apps: { inventory: { key: /^sg_live_[\w-]{24}$/ } },
    });
    t.not(first.apps.inventory?.key, second.apps.inventory?.key);
    t.equal(statSync(one).mode & 0o777, 0o600);
    const before = readFileSync(one, 'utf8');
    t.equal(await writeFirstConfig(one), false);
    t.equal(readFileSync(one, 'utf8'), before);
  },
);

t.test('once up it says where the dashboard is, the key, and a line that works when pasted', async (t) => {
  const collector = await spawnCollector();
  t.teardown(() => collector.close());
  const said = collector.lines.join('\n');
  t.match(said, `dashboard  ${collector.url}/`);
  t.match(said, new RegExp(`app +${APP}\n +key +${KEY}`));
  const [, url = '', body = ''] = /curl -i (\S+) -d '(.*)'/.exec(said) ?? [];
  const answer = await fetch(url, { method: 'POST', body });
  t.equal(answer.status, 204, await answer.text());
});

t.test('five mistakes in the configuration are five lines', async (t) => {
  const { file, dir } = configured(t, {
    listen: 'nonsense',
    apps: { Inventory: { key: 'a' }, shop: { key: '' } },
    retention: { events_days: -1 },
    auth: { dashboard_password: 'env:SPYGLASS_TEST_UNSET' },
  });
  const { code, stdout, stderr } = await runSpyglass(['serve', '--config', file]);
  t.equal(code, 2);
  t.equal(stdout, '');
  const [, ...problems] = stderr.trimEnd().split('\n');
  t.equal(problems.length, 5, stderr);
  for (const path of [
    'listen',
    'apps.Inventory',
    'apps.shop.key',
    'retention.events_days',
    'auth.dashboard_password',
  ]) {
    t.ok(
      problems.some((line) => line.trim().startsWith(`${path}: `)),
      path,
    );
  }
  t.same(readdirSync(dir), ['spyglass.config.json'], 'nothing was made');
});

t.test('a port in use', async (t) => {
  const holder = createServer().listen(0, '127.0.0.1');
  t.teardown(() => holder.close());
  await new Promise((resolve) => holder.once('listening', resolve));
  const { port } = holder.address() as AddressInfo;
  const { file, dataDir } = configured(t, { listen: `127.0.0.1:${port}` });
  t.match(await refusal(t, file), `127.0.0.1:${port} is in use`);
  t.notOk(existsSync(dataDir), 'no data folder was made');
});

t.test("an address that is not this machine's", async (t) => {
  const { file, dataDir } = configured(t, { listen: '192.0.2.1:7474', auth: { open: true } });
  t.match(await refusal(t, file), 'not an address of this machine');
  t.notOk(existsSync(dataDir));
});

t.test('a folder that holds something else', async (t) => {
  const { file, dataDir } = configured(t);
  mkdirSync(dataDir);
  writeFileSync(join(dataDir, 'thesis.txt'), 'mine');
  t.match(await refusal(t, file), 'not a spyglass data folder');
  t.same(readdirSync(dataDir), ['thesis.txt']);
});

t.test('a folder that cannot be made', async (t) => {
  const { dir, file } = configured(t, { dataDir: 'file/data' });
  writeFileSync(join(dir, 'file'), '');
  t.match(await refusal(t, file), 'cannot write to');
});

t.test('a data file that is none', async (t) => {
  const { file, dataDir } = configured(t);
  mkdirSync(dataDir);
  writeFileSync(join(dataDir, 'spyglass.mdb'), 'not a data file'.repeat(1_000));
  t.match(await refusal(t, file), 'cannot open');
  t.equal(readFileSync(join(dataDir, 'spyglass.mdb'), 'utf8'), 'not a data file'.repeat(1_000));
});

t.test('a store of a newer format', async (t) => {
  const { file, dataDir } = configured(t);
  await fillStore(dataDir, { users: 2 });
  const env = openEnv(dataDir, { mode: 'write' });
  env.transaction(() =>
    env.table('meta').put(Buffer.from('format'), Buffer.from('{"format":999,"store":"x"}')),
  );
  await env.close();
  const before = readFileSync(join(dataDir, 'spyglass.mdb'));
  t.match(await refusal(t, file), 'format 999');
  t.ok(readFileSync(join(dataDir, 'spyglass.mdb')).equals(before), 'the store is untouched');
});

t.test('a second collector on the same folder, while the first goes on', async (t) => {
  const collector = await spawnCollector();
  t.teardown(() => collector.close());
  const { file } = configured(t, { dataDir: collector.dataDir });
  t.match(await refusal(t, file), 'another spyglass is running');
  t.equal((await collector.send([{ user_id: 'u', session_id: 's', type: 'event', name: 'n' }])).status, 204);
});

t.test('SIGTERM under load: what was acknowledged is kept, what was not may be sent again', async (t) => {
  const collector = await spawnCollector();
  t.teardown(() => collector.close());
  const load = startLoad(() => collector.url, 6);
  for (let round = 0; round < 3; round++) {
    const before = load.acknowledged.length;
    while (load.acknowledged.length < before + 50) await sleep(5);
    t.equal(await collector.stop('SIGTERM'), 0);
    await collector.restart();
  }
  await load.finish();
  t.same(load.surprises, []);
  t.equal(await collector.stop('SIGINT'), 0);
  const { stdout } = await runSpyglass(['export', '--data', collector.dataDir]);
  assertExactlyOnce(stdout, load.acknowledged);
});

t.test('Ctrl-C under npm arrives twice and counts as once', async (t) => {
  const collector = await spawnCollector();
  t.teardown(() => collector.close());
  process.kill(collector.pid, 'SIGINT');
  t.equal(await collector.stop('SIGINT'), 0);
});

/** Sends half a request, in time for the server to have seen it; the rest is up to the caller. */
async function halfRequest(
  url: string,
  body: string,
): Promise<{ answer: Promise<string>; sendRest(): void }> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let received = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    received += text;
  });
  socket.on('error', () => {});
  const answer = new Promise<string>((resolve) => socket.once('close', () => resolve(received)));
  await new Promise((resolve) => socket.once('connect', resolve));
  const half = Math.floor(body.length / 2);
  socket.write(`POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`);
  socket.write(body.slice(0, half));
  await sleep(200);
  return { answer, sendRest: () => socket.write(body.slice(half)) };
}

const BODY = JSON.stringify({
  app: APP,
  key: KEY,
  events: [{ user_id: 'u', session_id: 's', type: 'event', name: 'in time' }],
});

t.test('a request under way at SIGTERM is answered, and kept', async (t) => {
  const collector = await spawnCollector();
  t.teardown(() => collector.close());
  const { answer, sendRest } = await halfRequest(collector.url, BODY);
  const ended = collector.stop('SIGTERM');
  await sleep(300);
  sendRest();
  t.match(await answer, /^HTTP\/1\.1 204 /);
  t.equal(await ended, 0);
  await collector.restart();
  const { events } = (await (await collector.get('/v1/query/events')).json()) as {
    events: { name: string }[];
  };
  t.same(
    events.map(({ name }) => name),
    ['in time'],
  );
});

t.test('half a request does not keep it from ending well', async (t) => {
  const collector = await spawnCollector();
  t.teardown(() => collector.close());
  await halfRequest(collector.url, BODY);
  t.equal(await collector.stop('SIGTERM'), 0);
});

t.test('a second signal ends it at once', async (t) => {
  const collector = await spawnCollector();
  t.teardown(() => collector.close());
  await halfRequest(collector.url, BODY);
  process.kill(collector.pid, 'SIGINT');
  await sleep(500);
  t.equal(await collector.stop('SIGINT'), null, 'as a kill would');
});

t.test('no line of the log holds a key or a password', async (t) => {
  const secrets = {
    apps: { inventory: { key: 'sg_live_very_secret', origins: [] } },
    auth: { dashboard_password: 'hush_hush' },
  };
  const collector = await spawnCollector(secrets);
  t.teardown(() => collector.close());
  const send = (path: string, init: RequestInit) =>
    collector.get(path, init).then((answer) => answer.arrayBuffer());
  const body = JSON.stringify({ app: 'inventory', key: 'sg_live_very_secret_not', events: 'no' });
  await send('/v1/events', { method: 'POST', body });
  await send('/v1/replay?session=s&seq=1', {
    method: 'POST',
    body: 'x',
    headers: { 'X-Spyglass-Key': 'sg_live_very_secret' },
  });
  await send('/v1/query/events?key=sg_live_very_secret', {
    headers: { Authorization: `Basic ${btoa('me:hush_hush')}` },
  });
  await collector.stop('SIGTERM');
  const logged = collector.lines.filter((line) => line.startsWith('{'));
  t.ok(logged.length > 0);
  t.notMatch(logged.join('\n'), /sg_live_very_secret|hush_hush/);
});
