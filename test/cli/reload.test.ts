/** SIGHUP: keys, origins and passwords change while requests go on, and a file that is wrong changes nothing. */
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { type ChildCollector, spawnCollector, writeConfig } from '../support/collector.js';
import { MAIN } from '../support/command.js';
import { ask, basic, event, postEvents } from '../support/http.js';
import { chunk, postReplay } from '../support/replay.js';
import { scrape } from '../support/scrape.js';
import { type EventStream, openStream } from '../support/sse.js';

const OLD = 'sg_live_the_old_key';
const NEW = 'sg_live_the_new_key';
const ORIGIN = 'https://shop.example';

const c = await spawnCollector({ apps: { inventory: { key: OLD, origins: [] } } });
t.teardown(() => c.close());
type Config = ChildCollector['config'];

const isOutcome = (line: string) => /"msg":"configuration (not )?reloaded/.test(line);

/** Sends SIGHUP and waits for what is said of it; returns all it logged meanwhile. */
async function hup(): Promise<string[]> {
  const from = c.lines.length;
  process.kill(c.pid, 'SIGHUP');
  while (!c.lines.slice(from).some(isOutcome)) await sleep(5);
  return c.lines.slice(from);
}

async function reload(change: Partial<Config>): Promise<string[]> {
  await writeConfig(c.configFile, { ...c.config, ...change });
  return hup();
}

const send = (key: string, app = 'inventory', headers = {}) =>
  postEvents(c.url, { app, key, events: [event()] }, { headers });
const status = async (...args: Parameters<typeof send>) => (await send(...args)).status;
const sendChunk = async (key: string) =>
  (await postReplay(c.url, 'session=s_1&seq=1', chunk('x'), key)).status;

/** Clients that send under a key until they are told to stop; what they were answered. */
function startClients(key: string): { more(count: number): Promise<void>; stop(): Promise<number[]> } {
  const answers: number[] = [];
  let stopped = false;
  const client = async () => {
    while (!stopped) {
      answers.push(await status(key));
      answers.push(await sendChunk(key));
    }
  };
  const running = Promise.all([client(), client(), client()]);
  return {
    async more(count) {
      for (const wanted = answers.length + count; answers.length < wanted; ) await sleep(5);
    },
    async stop() {
      stopped = true;
      await running;
      return answers;
    },
  };
}

const shownKey = async () => JSON.parse((await ask(c.url, '/v1/apps')).text).apps[0].key;

t.test('a key is changed under load, and no request with either is lost', async (t) => {
  t.same([await status(OLD), await status(NEW)], [204, 401]);
  const before = startClients(OLD);
  await before.more(10);
  await reload({ apps: { inventory: { key: [NEW, OLD], origins: [] } } });
  const after = startClients(NEW);
  for (let times = 0; times < 5; times++) await hup();
  await Promise.all([before.more(10), after.more(10)]);
  t.equal(await shownKey(), NEW, 'the first is the newest, for the snippet');
  const answered = await before.stop();
  await reload({ apps: { inventory: { key: NEW, origins: [] } } });
  await after.more(10);
  answered.push(...(await after.stop()));
  t.same([...new Set(answered)], [204]);
  t.same([await status(OLD), await sendChunk(OLD)], [401, 401], 'and then the old one is none any more');
  t.same([await status(NEW), await sendChunk(NEW)], [204, 204]);
  t.match(await scrape(c.url), new Map([['spyglass_config_reloads_total{result="applied"}', 7]]));
});

t.test('a file that is wrong is one line that names every mistake, and changes nothing', async (t) => {
  const bad = {
    listen: 'nowhere',
    apps: { inventory: { key: ['', 'sg_live_secret ⚠'] }, BAD: { key: 'x' } },
  };
  writeFileSync(c.configFile, JSON.stringify(bad));
  const said = (await hup()).filter((line) => line.includes('"level":50'));
  t.equal(said.length, 1);
  for (const path of ['listen: ', 'apps.inventory.key.0: ', 'apps.inventory.key.1: ', 'apps.BAD: ']) {
    t.match(said[0], path);
  }
  t.notMatch(said[0], 'sg_live_');
  writeFileSync(c.configFile, '{ "apps": ');
  t.match((await hup()).join(), 'is not valid JSON');
  t.same([await status(NEW), await status(OLD), await sendChunk(NEW)], [204, 401, 204]);
  t.equal(await shownKey(), NEW);
  t.equal((await scrape(c.url)).get('spyglass_config_reloads_total{result="refused"}'), 2);
});

t.test('apps come and go, with their origins, on every route', async (t) => {
  const preflight = async (origin: string) =>
    (await ask(c.url, '/v1/events', { method: 'OPTIONS', headers: { origin } })).status;
  t.equal(await preflight('https://elsewhere.example'), 204);
  await reload({ apps: { shop: { key: OLD, origins: [ORIGIN] } } });
  t.same(await status(NEW), 401, 'the app is gone');
  t.same(await status(OLD, 'shop', { origin: ORIGIN }), 204);
  t.same(await status(OLD, 'shop', { origin: 'https://elsewhere.example' }), 403);
  t.same([await preflight(ORIGIN), await preflight('https://elsewhere.example')], [204, 403]);
  t.same(await sendChunk(OLD), 204);
  await reload({ apps: { shop: { key: OLD, origins: [] }, inventory: { key: NEW, origins: [] } } });
  t.same([await status(OLD, 'shop', { origin: 'https://elsewhere.example' }), await status(NEW)], [204, 204]);
});

t.test('the limit of events a minute: what was sent before counts', async (t) => {
  const apps = { shop: { key: OLD, origins: [] }, inventory: { key: NEW, origins: [] } };
  const limited = { apps, limits: { ...c.config.limits, events_per_minute: 3 } };
  await reload(limited);
  t.same([await status(NEW), await status(NEW)], [204, 204]);
  await reload({ ...limited, apps: { another: { key: 'sg_live_x', origins: [] }, ...apps } });
  t.same([await status(NEW), await status(NEW), await status(OLD, 'shop')], [204, 429, 204]);
  await reload({ apps });
  t.same(await status(NEW), 204);
});

t.test('passwords: set, changed, taken away', async (t) => {
  const read = async (password?: string) =>
    (await ask(c.url, '/v1/query/events', { headers: password ? basic(password) : {} })).status;
  const auth = (over: object) => ({ auth: { open: false, dashboard_password: 'first', ...over } });
  t.equal(await read(), 200);
  await reload(auth({ viewer_password: 'viewer' }));
  t.same([await read(), await read('first'), await read('viewer')], [401, 200, 200]);
  const team = { inventory: { key: NEW, origins: [], read_password: 'team' } };
  await reload({ ...auth({ dashboard_password: 'second' }), apps: team });
  t.same([await read('first'), await read('viewer'), await read('second')], [401, 401, 200]);
  t.equal((await ask(c.url, '/v1/query/events?app=inventory', { headers: basic('team') })).status, 200);
  await reload({});
  t.equal(await read(), 200);
});

t.test('an open feed ends where its access no longer holds, and goes on where it does', async (t) => {
  const keys = { inventory: { key: NEW, origins: [] }, shop: { key: OLD, origins: [] } };
  const team = { ...keys, inventory: { ...keys.inventory, read_password: 'team' } };
  const auth = { open: false, dashboard_password: 'first', viewer_password: 'viewer' };
  await reload({ auth, apps: team });
  const open = async (password: string, query = '') => {
    const feed = await openStream(c.url, `/v1/stream${query}`, basic(password));
    t.teardown(() => feed.close());
    t.equal(feed.status, 200);
    return feed;
  };
  const hasEnded = (feed: EventStream) =>
    feed
      .find(() => false)
      .then(
        () => false,
        () => true,
      );
  const stillComes = async (feeds: EventStream[], name: string) => {
    await postEvents(c.url, { app: 'inventory', key: NEW, events: [event({ name })] });
    await Promise.all(feeds.map((feed) => feed.find(({ data }) => data?.includes(`"${name}"`) ?? false)));
  };
  const operator = await open('first');
  const viewer = await open('viewer');
  const reader = await open('team', '?app=inventory');
  const ofShop = await open('first', '?app=shop');
  await hup();
  await stillComes([operator, viewer, reader], 'a reload that changes nothing');
  await reload({ auth: { ...auth, viewer_password: 'another' }, apps: team });
  t.ok(await hasEnded(viewer), 'its password was changed');
  await stillComes([operator, reader], 'a password was changed');
  await reload({ auth, apps: { ...team, shop: { key: 'sg_live_x', origins: [] } } });
  t.ok(await hasEnded(ofShop), 'the key of the app it is about was changed');
  await stillComes([operator, reader], 'a key was changed');
  const ofInventory = await open('first', '?app=inventory');
  await reload({ auth, apps: { shop: keys.shop } });
  t.same(await Promise.all([reader, ofInventory].map(hasEnded)), [true, true], 'the app is gone');
  await reload({ auth: { open: false, dashboard_password: 'second' }, apps: keys });
  t.ok(await hasEnded(operator));
  await reload({ apps: keys });
  const byNobody = await openStream(c.url, '/v1/stream');
  await reload({ auth, apps: keys });
  t.ok(await hasEnded(byNobody), 'a password was set');
  await reload({});
});

t.test('what takes a new start is named, and the rest is taken over', async (t) => {
  const said = await reload({
    listen: { host: '127.0.0.1', port: 1 },
    dataDir: '/nowhere/else',
    trusted_proxies: ['10.0.0.0/8'],
    limits: { ...c.config.limits, body_bytes: 10 },
    apps: { inventory: { key: 'sg_live_third', origins: [] } },
    log: { level: 'info' },
  });
  const warned = said.map((line) => JSON.parse(line)).filter(({ level }) => level === 40);
  t.match(warned, [{ needRestart: ['listen', 'dataDir', 'trusted_proxies', 'limits.body_bytes'] }]);
  t.same([await status('sg_live_third'), await status(OLD)], [204, 401]);
  t.equal(await c.stop('SIGTERM'), 0, 'and it ends as it always does');
});

t.test('as a service it keeps its keys to itself, and its log goes by the configuration', async (t) => {
  const dir = t.testdir({});
  const file = join(dir, 'spyglass.config.json');
  const config = { listen: '127.0.0.1:0', apps: { shop: { key: 'sg_live_kept' } }, log: { level: 'error' } };
  writeFileSync(file, JSON.stringify(config));
  const child = spawn(process.execPath, [MAIN, 'serve', '--quiet', '--config', file]);
  t.teardown(() => child.kill('SIGKILL'));
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
  }
  const data = join(dir, 'data');
  while (!existsSync(join(data, 'journal-b.bin'))) await sleep(20);
  // Refused ones are errors; what is taken over is told at info, which a level taken over lets through.
  writeFileSync(file, '{');
  child.kill('SIGHUP');
  while (!said.includes('not reloaded')) await sleep(5);
  t.equal(said.trim().split('\n').length, 1, said);
  writeFileSync(file, JSON.stringify({ ...config, log: { level: 'info' } }));
  child.kill('SIGHUP');
  while (!said.includes('"configuration reloaded"')) await sleep(5);
  t.notMatch(said, 'sg_live_');
});
