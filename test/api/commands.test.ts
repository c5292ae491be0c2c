/** The operator's commands on the socket of the writer lock: who may ask, what is refused, and what comes back. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { answerCommands, type CommandDeps } from '../../src/api/commands/answer-commands.js';
import { problemJson } from '../../src/domain/problems.js';
import { APP, KEY, startCollector } from '../support/collector.js';
import { event } from '../support/http.js';
import { askSocket, holdAsCollector, openOnSocket, type SocketRequest } from '../support/socket.js';

t.setTimeout(120_000);
const c = await startCollector();
t.teardown(() => c.close());
await c.send([event({ user_id: 'alice' }), event({ user_id: 'bob' })]);

const linesOf = (text: string): Record<string, unknown>[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

/** The last line, which says what it came to. */
async function resultOf(path: string, body?: object): Promise<unknown> {
  const { status, type, text } = await askSocket(c.dataDir, path, body && { body: JSON.stringify(body) });
  t.same([status, type], [200, 'application/x-ndjson']);
  const lines = linesOf(text);
  const last = lines.pop();
  t.ok(lines.every((line) => 'progress' in line));
  return last;
}

const refused: [what: string, path: string, request: SocketRequest, status: number, code: string][] = [
  ['no header', '/commands/compact', { headers: {} }, 403, 'forbidden'],
  ['another header', '/commands/compact', { headers: { 'x-spyglass-socket': '2' } }, 403, 'forbidden'],
  ['no such command', '/commands/serve', {}, 404, 'not_found'],
  ['no command of an object', '/commands/constructor', {}, 404, 'not_found'],
  ['the API', '/v1/query/events', { method: 'GET' }, 404, 'not_found'],
  ['events', '/v1/events', { body: JSON.stringify({ app: APP, key: KEY, events: [] }) }, 404, 'not_found'],
  ['the dashboard', '/', { method: 'GET' }, 404, 'not_found'],
  ['another method', '/commands/rebuild', { method: 'GET' }, 405, 'method_not_allowed'],
  ['another method for an export', '/commands/export', {}, 405, 'method_not_allowed'],
  ['no JSON', '/commands/erase', { body: 'user=alice' }, 400, 'invalid_json'],
  ['no user', '/commands/erase', { body: '{}' }, 400, 'invalid_parameter'],
  ['more than a user', '/commands/erase', { body: '{"user":"a","all":true}' }, 400, 'invalid_parameter'],
  ['no object', '/commands/erase', { body: '[]' }, 400, 'invalid_parameter'],
  ['what it does not take', '/commands/compact', { body: '{"force":true}' }, 400, 'invalid_parameter'],
  ['no days', '/commands/sweep', { body: '{"events_days":-1,"replays_days":0}' }, 400, 'invalid_parameter'],
  ['a long body', '/commands/erase', { body: ' '.repeat(10_000) }, 413, 'body_too_large'],
  ['no id', '/commands/export?after=x', { method: 'GET' }, 400, 'invalid_parameter'],
  ['less than an id', '/commands/export?after=-1', { method: 'GET' }, 400, 'invalid_parameter'],
  ['an id to come', '/commands/export?after=99', { method: 'GET' }, 400, 'invalid_parameter'],
  ['another question', '/commands/export?from=1', { method: 'GET' }, 400, 'invalid_parameter'],
];
for (const [what, path, request, status, code] of refused) {
  t.test(`${what} is refused`, async (t) => {
    const answer = await askSocket(c.dataDir, path, request);
    t.same([answer.status, answer.type], [status, 'application/problem+json'], answer.text);
    t.match(JSON.parse(answer.text), { status, type: `urn:spyglass:problem:${code}`, detail: /\w{3}/ });
  });
}

t.test('what it comes to is its last line', async (t) => {
  t.match(await resultOf('/commands/rebuild'), { result: { head: 2 } });
  t.match(await resultOf('/commands/sweep', { events_days: 1, replays_days: 0 }), { result: { chunks: 0 } });
  await c.send([event({ user_id: 'carol', ts: Date.now() }), event({ user_id: 'dave', ts: Date.now() })]);
  t.match(await resultOf('/commands/erase', { user: 'carol', app: APP }), { result: { events: 1 } });
  t.match(await resultOf('/commands/compact', {}), { result: { bytesBefore: Number, bytesAfter: Number } });
  const { text } = await askSocket(c.dataDir, '/commands/export', { method: 'GET' });
  const users = linesOf(text).flatMap(({ user_id }) => (user_id === undefined ? [] : [user_id]));
  t.same(users, ['dave']);
  t.match(linesOf(text).at(-1), { end: 4, events: 1 });
});

t.test('a copy is there for as long as whoever asked for it', async (t) => {
  const response = await openOnSocket(c.dataDir, '/commands/backup');
  let folder = '';
  for await (const line of response.setEncoding('utf8')) {
    folder = join(c.dataDir, JSON.parse(line.trim().split('\n').pop()).result.folder);
    t.ok(existsSync(join(folder, 'spyglass.mdb')));
    break;
  }
  response.destroy();
  while (existsSync(folder)) await sleep(5);
  t.same(readdirSync(join(c.dataDir, '.tmp')), []);
});

t.test('a copy that the disk has no room for is refused before it is begun', async (t) => {
  c.config.disk = { ...c.config.disk, events_free_bytes: Number.MAX_SAFE_INTEGER };
  await c.restart();
  const problem = await resultOf('/commands/verify');
  t.match(problem, { problem: { type: 'urn:spyglass:problem:disk_full', detail: /has [\d.]+ MiB free/ } });
  c.config.disk = { ...c.config.disk, events_free_bytes: 0 };
  await c.restart();
});

/** Answers by `deps` in a folder of its own. */
async function answering(t: Test, deps: Partial<CommandDeps>): Promise<string> {
  const dataDir = mkdtempSync(join(tmpdir(), 'spyglass-commands-'));
  const never = () => Promise.reject(new Error('not asked for'));
  const lock = await holdAsCollector(
    dataDir,
    answerCommands({
      log: { level: 'silent', debug() {}, info() {}, warn() {}, error() {}, fatal() {} },
      run: { verify: never, backup: never, sweep: never, erase: never, compact: never, rebuild: never },
      async *exportPages() {},
      removeCopy() {},
      ...deps,
    }),
  );
  t.teardown(() => lock.release().then(() => rmSync(dataDir, { recursive: true })));
  return dataDir;
}

t.test('what goes wrong is told, by the name the API has for it', async (t) => {
  const reopening = Object.assign(new Error('being rewritten'), { name: 'StoreReopening' });
  const fails = (error: Error) => () => Promise.reject(error);
  const never = fails(new Error('no'));
  const dataDir = await answering(t, {
    run: {
      ...{ verify: never, backup: never, sweep: never, erase: never },
      compact: fails(reopening),
      rebuild: (_, onProgress) => {
        onProgress({ done: 1, total: 2 });
        return Promise.reject(new Error('view users cannot be folded'));
      },
    },
    async *exportPages() {
      yield await Promise.reject(reopening);
    },
  });
  const lines = async (path: string) => linesOf((await askSocket(dataDir, path)).text);
  t.same(await lines('/commands/rebuild'), [
    { progress: { done: 1, total: 2 } },
    { problem: JSON.parse(problemJson({ code: 'internal', detail: 'view users cannot be folded' })) },
  ]);
  t.match(await lines('/commands/compact'), [{ problem: { status: 503, detail: 'being rewritten' } }]);
  t.match(await askSocket(dataDir, '/commands/export', { method: 'GET' }), {
    status: 503,
    text: /reopening/,
  });
});

t.test('an export waits for its consumer, and ends with it', async (t) => {
  let pages = 0;
  let isEnded = false;
  const dataDir = await answering(t, {
    async *exportPages() {
      try {
        for (;;) {
          pages++;
          yield 'x'.repeat(65_536);
        }
      } finally {
        isEnded = true;
      }
    },
  });
  const response = await openOnSocket(dataDir, '/commands/export', { method: 'GET' });
  response.on('error', () => {});
  let before = -1;
  while (pages > before) {
    before = pages;
    await sleep(200);
  }
  t.ok(pages < 100, `${pages} pages for a consumer that takes none`);
  response.destroy();
  while (!isEnded) await sleep(5);
});

t.test('an export that fails amid its pages is cut off, not ended', async (t) => {
  const dataDir = await answering(t, {
    async *exportPages() {
      yield 'a page\n';
      throw new Error('the store is being rewritten');
    },
  });
  await t.rejects(askSocket(dataDir, '/commands/export', { method: 'GET' }), { code: 'ECONNRESET' });
});
