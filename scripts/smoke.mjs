/**
 * Tests `npm start` in a fresh clone: clones HEAD into a new folder, starts it, sends events, reads them with every query, stops it,
 * starts it again. Prints a line for each step, `ok - …` or `not ok - …`; exits 1 at the first failure.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { ROOT } from './setup.mjs';

const KEY = 'sg_live_smoke_test';
/** The first start installs and compiles, perhaps on a slow machine with a slow network. */
const START_MS_MAX = 300_000;
const STOP_MS_MAX = 15_000;

const folder = mkdtempSync(join(tmpdir(), 'spyglass-smoke-'));
const clone = join(folder, 'clone');
const configFile = join(folder, 'spyglass.config.json');
const url = `http://127.0.0.1:${await freePort()}`;
let running;

try {
  await step('HEAD is cloned', () =>
    execFileSync('git', ['clone', '--quiet', ROOT, clone], { stdio: 'pipe' }),
  );
  await step('npm start installs, compiles and answers', () => {
    const config = { listen: new URL(url).host, dataDir: './data', apps: { inventory: { key: KEY } } };
    writeFileSync(configFile, JSON.stringify(config));
    return start();
  });
  await step('the dashboard is served, with every file its page names', dashboard);
  await step('the SDK is built and served', async () => {
    const script = await fetch(`${url}/sdk/spyglass.js`);
    assert.equal(script.status, 200);
    const [, chunk] = /"(replay-\w+\.js)"/.exec(await script.text()) ?? [];
    assert.equal((await fetch(`${url}/sdk/${chunk}`)).status, 200);
  });
  await step('events and a replay chunk are accepted', send);
  await step('every query finds them', query);
  await step('SIGTERM to npm alone ends everything with exit code 0', () =>
    stop(() => running.child.kill('SIGTERM')),
  );
  await step('a second start is ready', start);
  await step('every query still finds them', query);
  await step('Ctrl-C ends it with exit code 0', () => stop(() => killGroup('SIGINT')));
  await step('the clone has no changed file', () => {
    assert.equal(execFileSync('git', ['-C', clone, 'status', '--porcelain'], { encoding: 'utf8' }), '');
  });
} catch {
  process.exitCode = 1;
} finally {
  if (running) killGroup('SIGKILL');
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

async function step(title, work) {
  try {
    await work();
    console.log(`ok - ${title}`);
  } catch (error) {
    console.log(`not ok - ${title}\n${error.stack}`);
    throw error;
  }
}

/** Starts the clone in its own process group; Ctrl-C is a signal to the group. */
async function start() {
  let output = '';
  const child = spawn('npm', ['start', '--', '--config', configFile], {
    cwd: clone,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  running = { child, ended };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  for (const deadline = Date.now() + START_MS_MAX; Date.now() < deadline; await sleep(100)) {
    const ready = await fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (ready) return;
    if (child.exitCode !== null) break;
  }
  throw new Error(`npm start was not ready:\n${output}`);
}

async function stop(signal) {
  signal();
  const code = await Promise.race([running.ended, sleep(STOP_MS_MAX, 'still running', { ref: false })]);
  assert.equal(code, 0);
  await assert.rejects(fetch(url), 'nothing listens any more');
  running = undefined;
}

function killGroup(signal) {
  try {
    process.kill(-running.child.pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

async function send() {
  const events = ['invoice_started', 'invoice_created'].map((name) => ({
    ...event('event'),
    name,
    url: '/invoices/new',
  }));
  const body = JSON.stringify({
    app: 'inventory',
    key: KEY,
    events: [...events, event('pageview'), event('error')],
  });
  const taken = await fetch(`${url}/v1/events`, { method: 'POST', body });
  assert.equal(taken.status, 204, await taken.text());
  const chunk = await fetch(`${url}/v1/replay?session=s_smoke&seq=1&ts=1718200000000&app=inventory`, {
    method: 'POST',
    headers: { 'X-Spyglass-Key': KEY, 'Content-Type': 'application/octet-stream' },
    body: gzipSync('[]'),
  });
  assert.equal(chunk.status, 204, await chunk.text());
}

function event(type) {
  return {
    ts: 1_718_200_000_000,
    user_id: 'alice',
    session_id: 's_smoke',
    type,
    name: type === 'pageview' ? '/invoices' : 'boom',
  };
}

async function dashboard() {
  const page = await (await fetch(url)).text();
  const names = [...page.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, name]) => name);
  assert.ok(names.length >= 3, page);
  for (const name of names) assert.equal((await fetch(url + name)).status, 200, name);
}

async function query() {
  const { events } = await get('/v1/query/events?user=alice');
  assert.deepEqual(
    events.map(({ id }) => id),
    [4, 3, 2, 1],
  );
  const { users } = await get('/v1/query/users');
  assert.deepEqual(
    users.map((user) => [user.user_id, user.session_count]),
    [['alice', 1]],
  );
  const { sessions } = await get('/v1/query/sessions');
  assert.deepEqual(
    sessions.map((session) => [session.session_id, session.chunk_count]),
    [['s_smoke', 1]],
  );
  const { steps } = await get('/v1/query/funnel?steps=invoice_started,invoice_created');
  assert.deepEqual(
    steps.map(({ count }) => count),
    [1, 1],
  );
  const aggregates = await get('/v1/query/aggregates');
  assert.deepEqual(aggregates.dau, [{ day: '2024-06-12', count: 1 }]);
  assert.deepEqual(aggregates.errors_by_day, [{ day: '2024-06-12', count: 1 }]);
  assert.deepEqual(aggregates.top_pages, [{ name: '/invoices', count: 1 }]);
  const { chunks } = await get('/v1/sessions/s_smoke/replay');
  assert.equal(chunks.length, 1);
  assert.deepEqual(await get(chunks[0].path), []);
  const incident = await get('/v1/incidents/4');
  assert.deepEqual(
    incident.breadcrumbs.map(({ id }) => id),
    [1, 2, 3, 4],
  );
}

async function get(path) {
  const answer = await fetch(url + path);
  assert.equal(answer.status, 200, `${path}: ${answer.status}`);
  return answer.json();
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
