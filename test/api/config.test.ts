/** `spyglass.config.json` from outside: what starts, what refuses to, and what it says then. */
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Config, loadConfig } from '../../src/config/config.js';
import { runSpyglass, startCollector } from '../support/collector.js';
import { event, postEvents } from '../support/http.js';

const folder = await mkdtemp(join(tmpdir(), 'spyglass-config-'));
t.teardown(() => rm(folder, { recursive: true, force: true }));
const file = join(folder, 'spyglass.config.json');

const APPS = { inventory: { key: 'sg_live_one' } };

async function load(config: object, env: Record<string, string> = {}): Promise<Config> {
  await writeFile(file, JSON.stringify(config));
  return loadConfig(file, env);
}

/** What a configuration is refused with. */
async function complaint(config: object, env: Record<string, string> = {}): Promise<string> {
  return load(config, env).then(
    (config) => `accepted as ${JSON.stringify(config)}`,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

/** Holds that each text stands in the complaint. */
async function assertRefused(t: Test, config: object, ...texts: (string | RegExp)[]) {
  const message = await complaint(config);
  t.notMatch(message, /^accepted as/, JSON.stringify(config));
  for (const text of texts) t.match(message, text);
}

t.test('CFG-01 the three forms of listen', async (t) => {
  const listen = async (listen: string) => (await load({ listen, apps: APPS, auth: { open: true } })).listen;
  t.same(await listen('127.0.0.1:7474'), { host: '127.0.0.1', port: 7474 });
  t.same(await listen('[::1]:7474'), { host: '::1', port: 7474 });
  t.same(await listen('localhost:80'), { host: 'localhost', port: 80 });
  t.equal((await listen(':7474')).port, 7474);
  for (const bad of [
    '',
    '7474',
    '127.0.0.1',
    '127.0.0.1:',
    ':abc',
    ':70000',
    '::1:7474x',
    '[::1]',
    'http://x:80',
    ' :80',
    5,
  ]) {
    await assertRefused(t, { listen: bad, apps: APPS, auth: { open: true } }, 'listen');
  }
});

t.test('CFG-02 names of apps', async (t) => {
  const names = ['a', '0', '_', '-', 'inventory', 'a-b_c9', 'x'.repeat(64)];
  const config = await load({ apps: Object.fromEntries(names.map((name) => [name, { key: `k${name}` }])) });
  t.same(Object.keys(config.apps).sort(), names.toSorted());
  for (const bad of ['', 'A', 'a b', 'é', 'a.b', 'a/b', 'x'.repeat(65), 'a\n', '__PROTO__']) {
    await assertRefused(t, { apps: { ...APPS, [bad]: { key: 'other' } } }, 'apps');
  }
});

t.test('CFG-03 CFG-04 any string may come from the environment', async (t) => {
  const everywhere = {
    listen: 'env:LISTEN',
    dataDir: 'env:FOLDER',
    apps: { inventory: { key: 'env:KEY', origins: ['env:ORIGIN', 'https://b.example'] } },
    auth: { dashboard_password: 'env:SPYGLASS_PASS' },
  };
  const env = {
    LISTEN: '[::1]:99',
    FOLDER: '/somewhere',
    KEY: 'sg_live_env',
    ORIGIN: 'https://a.example',
    SPYGLASS_PASS: 'secret',
  };
  const config = await load(everywhere, env);
  t.match(config, {
    listen: { host: '::1', port: 99 },
    dataDir: '/somewhere',
    auth: { dashboard_password: 'secret' },
  });
  t.same(config.apps, {
    inventory: { key: 'sg_live_env', origins: ['https://a.example', 'https://b.example'] },
  });
  for (const name of Object.keys(env)) {
    const { [name as keyof typeof env]: _, ...rest } = env;
    t.match(await complaint(everywhere, rest), new RegExp(`\\b${name}\\b`));
  }
  const all = await complaint(everywhere, {});
  for (const name of Object.keys(env)) t.match(all, name, 'all of them at once');
  t.match(
    await complaint({ ...everywhere, dataDir: 'env:toString' }, env),
    'toString',
    'what every object inherits is unset',
  );
});

t.test('CFG-05 every problem at once, each with its path', async (t) => {
  await assertRefused(
    t,
    {
      listen: 'nowhere',
      dataDir: 5,
      apps: { inventory: { key: '' }, BAD: { key: 'x' }, shop: { key: 'y', origins: 'all' }, third: {} },
      retention: { replays_days: -1, events_days: 1.5 },
      auth: { dashboard_password: 'env:NOT_SET_ANYWHERE' },
      limits: { body_bytes: 0, chunk_bytes: 'big', events_per_minute: -5 },
    },
    'listen',
    'dataDir',
    'apps.inventory.key',
    'apps.BAD',
    'apps.shop.origins',
    'apps.third.key',
    'retention.replays_days',
    'retention.events_days',
    'auth.dashboard_password',
    'NOT_SET_ANYWHERE',
    'limits.body_bytes',
    'limits.chunk_bytes',
    'limits.events_per_minute',
  );
});

t.test('CFG-07 no app, an empty key, one key twice', async (t) => {
  for (const apps of [undefined, {}, null, [], 'x']) await assertRefused(t, { apps }, 'apps');
  for (const key of ['', undefined, null, 5])
    await assertRefused(t, { apps: { inventory: { key } } }, 'apps.inventory.key');
  const twins = { a: { key: 'sg_live_same' }, b: { key: 'sg_live_same' } };
  await assertRefused(t, { apps: twins }, /apps\.[ab]/);
  t.notMatch(await complaint({ apps: twins }), 'sg_live_same', 'no message has a key');
  t.match(
    await complaint({ apps: { a: { key: 'env:K' }, b: { key: 'same' } } }, { K: 'same' }),
    /apps\.[ab]/,
  );
});

t.test('CFG-08 CFG-09 beyond loopback only with a password, or openly', async (t) => {
  for (const listen of ['127.0.0.1:1', '127.9.9.9:1', '[::1]:1', 'localhost:1'])
    t.ok(await load({ listen, apps: APPS }));
  t.ok(await load({ apps: APPS }), 'without listen it is loopback');
  for (const listen of [
    ':1',
    '0.0.0.0:1',
    '[::]:1',
    '10.0.0.5:1',
    'example.org:1',
    '[fe80::1]:1',
    '128.0.0.1:1',
    'localhost.example.org:1',
    '127.0.0.1.example.org:1',
  ]) {
    await assertRefused(t, { listen, apps: APPS }, 'auth.dashboard_password', 'auth.open');
    await assertRefused(t, { listen, apps: APPS, auth: { open: false } }, 'auth.open');
    t.ok(await load({ listen, apps: APPS, auth: { open: true } }));
    t.ok(await load({ listen, apps: APPS, auth: { dashboard_password: 'x' } }));
  }
});

t.test('CFG-10 CFG-11 the example of the contract, and the defaults of what it leaves out', async (t) => {
  const example = {
    listen: '127.0.0.1:7474',
    dataDir: './data',
    apps: { inventory: { key: 'sg_live_…', origins: ['http://localhost:3000'] } },
    retention: { replays_days: 21, events_days: 0 },
    auth: { dashboard_password: 'env:SPYGLASS_PASS' },
    limits: { body_bytes: 1_048_576, chunk_bytes: 8_388_608, events_per_minute: 0 },
  };
  example.apps.inventory.key = 'sg_live_1';
  t.match(await load(example, { SPYGLASS_PASS: 'secret' }), {
    ...example,
    listen: { host: '127.0.0.1', port: 7474 },
    dataDir: join(folder, 'data'),
    auth: { dashboard_password: 'secret', open: false },
  });
  const least = await load({ apps: APPS });
  t.match(least, {
    apps: { inventory: { key: 'sg_live_one', origins: [] } },
    limits: { body_bytes: 1_048_576, chunk_bytes: 8_388_608, events_per_minute: 0 },
    retention: { events_days: 0 },
    auth: { open: false },
  });
  t.notOk('dashboard_password' in least.auth);
  const c = await startCollector({ apps: { ...least.apps } });
  t.teardown(() => c.close());
  const body = { app: 'inventory', key: 'sg_live_one', events: [event()] };
  const answer = await postEvents(c.url, body, { headers: { origin: 'https://any.example' } });
  t.equal(answer.status, 204, 'a missing list of origins allows every origin');
});

t.test('CFG-04 CFG-05 CFG-06 CFG-08 the command refuses before it opens anything', async (t) => {
  const dataDir = join(folder, 'never');
  await writeFile(
    file,
    JSON.stringify({
      listen: '0.0.0.0:0',
      dataDir,
      apps: { X: { key: '' } },
      limits: { body_bytes: 'env:UNSET_ONE' },
    }),
  );
  const { code, stdout, stderr } = await runSpyglass(['serve', '--config', file]);
  t.ok(code !== null && code > 0, `exit code ${code}`);
  for (const text of ['auth.dashboard_password', 'auth.open', 'apps.X', 'UNSET_ONE'])
    t.match(stderr + stdout, text);
  t.notMatch(stderr, /\n\s+at .*\.js:\d+/, 'no stack');
  await t.rejects(access(dataDir), 'no data folder was made');
});
