/** The configuration file, mistake by mistake: each is told, all at once, with its path, and without the secrets in it. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Config, ConfigError, defaultConfigJson, loadConfig } from '../../src/config/config.js';

const APPS = { inventory: { key: 'sg_live_inventory' } };

function load(t: Test, file: unknown, env: Record<string, string> = {}): Config {
  const text = typeof file === 'string' ? file : JSON.stringify(file);
  const folder = t.testdir({ 'spyglass.config.json': text });
  return loadConfig(join(folder, 'spyglass.config.json'), env);
}

/** What is wrong with a file, as `path: message`. */
function problems(t: Test, file: unknown, env: Record<string, string> = {}): string[] {
  try {
    load(t, file, env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
  return [];
}

t.test('what is left out has its default', async (t) => {
  const config = load(t, { apps: APPS });
  t.same(config, {
    listen: { host: '127.0.0.1', port: 7474 },
    dataDir: join(t.testdirName, 'data'),
    apps: { inventory: { key: 'sg_live_inventory', origins: [] } },
    retention: { replays_days: 0, events_days: 0 },
    auth: { open: false },
    limits: { body_bytes: 1_048_576, chunk_bytes: 8_388_608, events_per_minute: 0 },
    disk: { replay_bytes_per_hour: 2 ** 32, replay_free_bytes: 2 ** 30, events_free_bytes: 2 ** 28 },
    store: { engine: 'lmdb' },
    log: {},
  });
});

t.test('another engine says where it is, and in names that can stand in a statement', async (t) => {
  const clickhouse = { engine: 'clickhouse', url: 'env:CLICKHOUSE_URL' };
  const env = { CLICKHOUSE_URL: 'http://u:p@one:8123,https://two:8443' };
  t.same(load(t, { apps: APPS, store: clickhouse }, env).store, {
    engine: 'clickhouse',
    url: env.CLICKHOUSE_URL,
    database: 'spyglass',
  });
  t.same(
    problems(t, { apps: APPS, store: { ...clickhouse, url: 'one:8123', database: 'a b', cluster: "'" } }),
    [
      'store.url: must be an address as "http://user:password@host:8123", or several separated by commas',
      'store.database: must be a letter or _, then letters, digits and _',
      'store.cluster: must be a letter or _, then letters, digits and _',
    ],
  );
  t.same(problems(t, { apps: APPS, store: { engine: 'oracle' } }), [
    'store.engine: must name an engine: "lmdb" or "clickhouse"',
  ]);
});

t.test('trusted proxies are addresses and networks, and never everybody', async (t) => {
  const trusting = (trusted_proxies: unknown) => ({ apps: APPS, trusted_proxies });
  const good = ['10.0.0.5', '10.0.0.0/8', '::1', 'fd00::/8', '192.0.2.1/32', '::ffff:10.0.0.1'];
  t.same(load(t, trusting(good)).trusted_proxies, good);
  for (const bad of [
    '',
    'proxy',
    'loopback',
    '10.0.0.0/33',
    '0.0.0.0/0',
    '::/0',
    '10.0.0.0/',
    '1.2.3',
    'fe80::1%eth0',
  ])
    t.match(problems(t, trusting([bad])), [/^trusted_proxies\.0: must be an address/], bad);
  for (const bad of ['10.0.0.5', true, null])
    t.match(problems(t, trusting(bad)), [/^trusted_proxies: must be a list/], String(bad));
});

t.test('an app may have several keys, no two of them the same anywhere', async (t) => {
  const keys = ['sg_live_new', 'sg_live_old'];
  t.same(load(t, { apps: { a: { key: keys } } }).apps, { a: { key: keys, origins: [] } });
  t.same(problems(t, { apps: { a: { key: [] } } }), ['apps.a.key: must name a key']);
  t.same(problems(t, { apps: { a: { key: ['x', '', 5, 'has space', 'x'] }, b: { key: ['y', 'x'] } } }), [
    'apps.a.key.1: must not be empty',
    'apps.a.key.2: must be a string',
    'apps.a.key.3: must be printable ASCII without spaces',
    'apps.a.key.4: is in the list already',
    'apps.b.key.1: is the key of a too: each app needs its own',
  ]);
  const many = Array.from({ length: 9 }, (_, index) => `key_${index}`);
  t.same(problems(t, { apps: { a: { key: many } } }), ['apps.a.key: must be at most 8 keys']);
  t.same(load(t, { apps: { a: { key: ['env:NEW', 'old'] } } }, { NEW: 'new' }).apps.a?.key, ['new', 'old']);
});

t.test('the log has a level that exists', async (t) => {
  t.same(load(t, { apps: APPS, log: { level: 'warn' } }).log, { level: 'warn' });
  t.match(problems(t, { apps: APPS, log: { level: 'loud' } }), [/^log\.level: must be one of trace, debug/]);
});

t.test('five mistakes are five problems, each with its path', async (t) => {
  const found = problems(t, {
    listen: 'localhost',
    dataDri: './data',
    apps: { Inventory: { key: 'a' }, shop: { key: '' } },
    limits: { body_bytes: '1 MiB' },
  });
  t.same(found.map((problem) => problem.split(': ')[0]).sort(), [
    'apps.Inventory',
    'apps.shop.key',
    'dataDri',
    'limits.body_bytes',
    'listen',
  ]);
});

t.test('the error says them all, under the name of the file', async (t) => {
  t.throws(() => load(t, { listen: 'x', apps: {} }), {
    name: 'ConfigError',
    message:
      /spyglass\.config\.json cannot be used:\n {2}listen: must look like .*\n {2}apps: must name at least one app/,
  });
});

t.test('a misspelt setting is named, with those there are', async (t) => {
  t.same(problems(t, { apps: { a: { key: 'k', orgins: [] } }, limits: { body_byte: 1, chunks: 2 } }), [
    'apps.a.orgins: is not a setting; known here: key, origins, read_password',
    'limits.body_byte: is not a setting; known here: body_bytes, chunk_bytes, events_per_minute',
    'limits.chunks: is not a setting; known here: body_bytes, chunk_bytes, events_per_minute',
  ]);
});

t.test('two apps with one key are a problem, beside others, and the key is not told', async (t) => {
  const found = problems(t, {
    apps: { a: { key: 'sg_live_x' }, b: { key: 'sg_live_x' }, C: { key: 'sg_live_x' } },
  });
  t.same(found, [
    'apps.b.key: is the key of a too: each app needs its own',
    'apps.C: app names are 1 to 64 of the characters a-z, 0-9, _ and -',
    'apps.C.key: is the key of a too: each app needs its own',
  ]);
});

t.test('names and keys that could not work', async (t) => {
  const one = (name: string, key: unknown) =>
    problems(t, `{"apps":{"${name}":{"key":${JSON.stringify(key)}}}}`);
  for (const name of ['', 'A', 'a b', 'é', 'x'.repeat(65), '__proto__'])
    t.match(one(name, 'k'), [/app names are/], name);
  for (const name of ['constructor', 'x'.repeat(64), '-', '0_']) t.same(one(name, 'k'), [], name);
  for (const key of ['', 'a b', 'ключ', 'a\n', 7, null])
    t.match(one('a', key), [/^apps\.a\.key: must/], `${key}`);
});

t.test('no app at all', async (t) => {
  for (const file of [{}, { apps: {} }, { apps: null }, { apps: [] }]) {
    t.match(problems(t, file), [/^apps: must name at least one app/], JSON.stringify(file));
  }
});

t.test('the environment fills in any string, numbers and switches too', async (t) => {
  const config = load(
    t,
    {
      listen: 'env:LISTEN',
      apps: { a: { key: 'env:KEY', origins: ['env:ORIGIN'] } },
      auth: { dashboard_password: 'env:PASS', open: 'env:OPEN' },
      limits: { events_per_minute: 'env:RATE' },
    },
    {
      LISTEN: ':80',
      KEY: 'k',
      ORIGIN: 'https://x.example',
      PASS: 'env:NOT_AGAIN',
      OPEN: 'false',
      RATE: '600',
    },
  );
  t.match(config, {
    listen: { port: 80 },
    apps: { a: { key: 'k', origins: ['https://x.example'] } },
    auth: { dashboard_password: 'env:NOT_AGAIN', open: false },
    limits: { events_per_minute: 600 },
  });
});

t.test('each variable that is not set is named once, and nothing else is said of its place', async (t) => {
  const file = {
    listen: '0.0.0.0:1',
    apps: { a: { key: 'env:A_KEY' }, b: { key: 'env:toString' } },
    auth: { dashboard_password: 'env:PASS' },
    limits: { body_bytes: 'env:BYTES' },
  };
  t.same(problems(t, file), [
    'apps.a.key: the environment variable A_KEY is not set',
    'apps.b.key: the environment variable toString is not set',
    'auth.dashboard_password: the environment variable PASS is not set',
    'limits.body_bytes: the environment variable BYTES is not set',
  ]);
});

t.test('a variable that is set to nothing is no key and no password', async (t) => {
  const file = { apps: { a: { key: 'env:K' } }, auth: { dashboard_password: 'env:P' } };
  t.same(problems(t, file, { K: '', P: '' }), [
    'apps.a.key: must not be empty',
    'auth.dashboard_password: must not be empty: leave it out for none',
  ]);
});

t.test('each reader has a password of its own, and the operator first of all', async (t) => {
  const one = { key: 'a', read_password: 'same' };
  const auth = { dashboard_password: 'first', viewer_password: 'second' };
  t.same(problems(t, { apps: { a: { ...one, read_password: 'third' } }, auth }), []);
  t.same(
    problems(t, { apps: { a: one, b: { ...one, key: 'b' } }, auth: { ...auth, viewer_password: 'first' } }),
    [
      'auth.viewer_password: is another reader’s password too: each needs its own',
      'apps.b.read_password: is another reader’s password too: each needs its own',
    ],
  );
  t.same(problems(t, { apps: { a: one }, auth: { viewer_password: 'second' } }), [
    'auth.viewer_password: needs auth.dashboard_password to be set too',
    'apps.a.read_password: needs auth.dashboard_password to be set too',
  ]);
});

t.test('listen, and what it means', async (t) => {
  const listen = (listen: string) => load(t, { listen, apps: APPS, auth: { open: true } }).listen;
  t.same(listen(':7474'), { host: '0.0.0.0', port: 7474 });
  t.same(listen('example.internal:0'), { host: 'example.internal', port: 0 });
  t.same(listen('[fe80::1]:65535'), { host: 'fe80::1', port: 65_535 });
  for (const bad of [
    '',
    ':',
    '7474',
    'a:65536',
    '::1:80',
    '[x]:80',
    '[127.0.0.1]:80',
    'a b:1',
    'http://a:1',
    'a:1\n',
  ]) {
    t.match(problems(t, { listen: bad, apps: APPS }), [/^listen: must look like/], bad);
  }
});

t.test('only loopback may be without a password, unless somebody says so', async (t) => {
  const guarded = (listen: string, auth = {}) => problems(t, { listen, apps: APPS, auth });
  for (const inside of [
    '127.0.0.1:1',
    '127.9.9.9:1',
    '[::1]:1',
    '[::ffff:127.0.0.1]:1',
    'localhost:1',
    'LocalHost:1',
  ]) {
    t.same(guarded(inside), [], inside);
  }
  for (const outside of [':1', '0.0.0.0:1', '[::]:1', '10.0.0.1:1', 'localhost.example:1', '128.0.0.1:1']) {
    t.match(guarded(outside), [/^listen: .*auth\.dashboard_password.*auth\.open to true/], outside);
    t.same(guarded(outside, { dashboard_password: 'p' }), []);
    t.same(guarded(outside, { open: true }), []);
    t.equal(guarded(outside, { open: false }).length, 1);
  }
});

t.test('origins are as browsers send them', async (t) => {
  const complaints = (origin: unknown) => problems(t, { apps: { a: { key: 'k', origins: [origin] } } });
  for (const origin of ['https://a.example', 'http://localhost:3000', 'http://[::1]:1', 'null', 'app://x']) {
    t.same(complaints(origin), [], origin);
  }
  for (const origin of [
    '*',
    'a.example',
    'https://a.example/',
    'https://A.example',
    'https://a:443',
    'https://',
    5,
  ]) {
    t.match(complaints(origin), [/^apps\.a\.origins\.0: must be/], `${origin}`);
  }
});

t.test('numbers within reason', async (t) => {
  const file = {
    apps: APPS,
    retention: { replays_days: -1, events_days: 1.5 },
    limits: { body_bytes: 0, chunk_bytes: 1e12, events_per_minute: null },
  };
  t.match(problems(t, file), [
    /^retention\.replays_days: must be at least 0/,
    /^retention\.events_days: must be a whole number/,
    /^limits\.body_bytes: must be at least 1/,
    /^limits\.chunk_bytes: must be at most/,
    /^limits\.events_per_minute: must be a whole number/,
  ]);
});

t.test('a file that is no object, no JSON, or not there', async (t) => {
  for (const file of ['[]', 'null', '"x"', '1']) t.match(problems(t, file), [/must/], file);
  const broken = '{\n  "apps": {\n    "a": { "key": "sg_live_secret", }\n  }\n}';
  t.same(problems(t, broken), [': is not valid JSON (line 3)']);
  t.throws(() => load(t, broken), { message: /^(?!.*sg_live)/s });
  t.throws(() => loadConfig(join(t.testdir(), 'none.json'), {}), {
    message: /none\.json.*\n.*cannot be read \(ENOENT\)/,
  });
  t.same(problems(t, `\ufeff${JSON.stringify({ apps: APPS })}`), [], 'a byte order mark does no harm');
});

t.test('the data folder is found from where the file is', async (t) => {
  t.equal(load(t, { dataDir: '../there', apps: APPS }).dataDir, join(t.testdirName, '../there'));
  t.equal(load(t, { dataDir: '/srv/spyglass', apps: APPS }).dataDir, '/srv/spyglass');
});

t.test('the configuration to begin with is one, on loopback, with its key', async (t) => {
  const config = load(t, defaultConfigJson('sg_live_made_just_now'));
  t.match(config, {
    listen: { host: '127.0.0.1', port: 7474 },
    apps: { inventory: { key: 'sg_live_made_just_now', origins: [] } },
    auth: { open: false },
  });
});
