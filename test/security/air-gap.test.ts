/** The collector and its commands open no connection to anywhere: every thread of theirs is watched from its first moment on. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { runSpyglass, spawnCollector } from '../support/collector.js';
import { apps, ask, basic, event, store } from '../support/http.js';
import { upload } from '../support/replay.js';
import { registeredRoutes } from '../support/routes.js';

const PASSWORD = 'correct horse';
const file = join(t.testdir(), 'outgoing');
const env = {
  NODE_OPTIONS: `--import=${new URL('../support/outgoing.js', import.meta.url).href}`,
  SPYGLASS_OUTGOING: file,
};
const noted = () => readFileSync(file, 'utf8').trimEnd().split('\n');
const outgoing = () => noted().filter((line) => !line.startsWith('thread '));
const threads = () => noted().filter((line) => line.startsWith('thread '));

t.test('what does open connections is noted, on every thread', async (t) => {
  const talker = join(t.testdir(), 'talker.mjs');
  writeFileSync(
    talker,
    `import { createSocket } from 'node:dgram';
    import { createConnection } from 'node:net';
    import { isMainThread, Worker } from 'node:worker_threads';
    const who = isMainThread ? 'main' : 'worker';
    if (isMainThread) new Worker(new URL(import.meta.url));
    fetch('http://' + who + '.invalid/').catch(() => {});
    createConnection({ host: '127.0.0.1', port: isMainThread ? 91 : 92 }).on('error', () => {});
    const socket = createSocket('udp4');
    socket.send(who, 9, '127.0.0.1', () => socket.close());`,
  );
  const { status, stderr } = spawnSync(process.execPath, [talker], { env: { ...process.env, ...env } });
  t.equal(status, 0, String(stderr));
  t.equal(threads().length, 2);
  for (const line of [/^connect .*91/, /^connect .*92/, /^lookup main/, /^lookup worker/, /^send/])
    t.ok(
      outgoing().some((one) => line.test(one)),
      `${line}: ${outgoing()}`,
    );
});

t.test('the collector opens none, whatever it is asked', async (t) => {
  const before = { outgoing: outgoing().length, threads: threads().length };
  const c = await spawnCollector({ apps: apps('inventory'), auth: { dashboard_password: PASSWORD }, env });
  t.teardown(() => c.close());
  const url = 'http://elsewhere.invalid/page';
  await store(c.url, 'inventory', [
    event({ url, props: { source: url }, user: { name: 'a', email: 'a@elsewhere.invalid' } }),
    event({ url, type: 'error', name: url, props: { stack: `Error\n at f (${url}:1:1)`, source: url } }),
    event({ user_id: 'bob', session_id: 's_2', url }),
  ]);
  await upload(c.url, { app: 'inventory', session: 's_1', seq: 1 });
  const headers = { ...basic(PASSWORD), origin: new URL(c.url).origin, referer: url, 'x-forwarded-for': url };
  for (const route of await registeredRoutes()) {
    const [method = '', path = ''] = route.split(' ');
    if (path === '/v1/stream') continue;
    const filled = path.replace('sessions/:id', 'sessions/s_1').replace(/:\w+/, '1');
    const body = path === '/v1/erase' ? '{"user":"bob"}' : '{}';
    const { status } = await ask(c.url, filled, { method, headers, ...(method === 'POST' && { body }) });
    t.ok(status < 500, `${route}: ${status}`);
  }
  t.equal(await c.stop('SIGTERM'), 0);
  const data = ['--data', c.dataDir];
  for (const args of [
    ['verify', ...data],
    ['export', ...data, '--out', join(t.testdir(), 'all')],
    ['rebuild', ...data],
  ]) {
    const { code, stderr } = await runSpyglass(args, { env });
    t.equal(code, 0, `${args[0]}: ${stderr}`);
  }
  t.ok(threads().length - before.threads >= 7, `${threads().length - before.threads} threads were watched`);
  t.same(outgoing().slice(before.outgoing), []);
});
