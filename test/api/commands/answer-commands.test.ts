/** The operator's commands on the socket of the writer lock: who may ask, what is refused, and what comes back. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { answerCommands, type CommandRuns } from '../../../src/api/commands/answer-commands.js';
import { problemJson } from '../../../src/domain/problems.js';
import { APP, KEY, startCollector } from '../../support/collector.js';
import { event } from '../../support/http.js';
import { askSocket, holdAsCollector, openOnSocket, type SocketRequest } from '../../support/socket.js';

t.setTimeout(120_000);
const c = await startCollector();
t.teardown(() => c.close());
await c.send([event({ user_id: 'alice' }), event({ user_id: 'bob' })]);

const linesOf = (text: string): Record<string, unknown>[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

async function linesFor(dataDir: string, ask: object): Promise<Record<string, unknown>[]> {
  const { status, type, text } = await askSocket(dataDir, { body: JSON.stringify(ask) });
  t.same([status, type], [200, 'application/x-ndjson']);
  return linesOf(text);
}

const refused: [what: string, request: SocketRequest, status: number, code: string][] = [
  ['no header', { headers: {}, body: '{"command":"compact"}' }, 403, 'forbidden'],
  ['another header', { headers: { 'x-spyglass-socket': '2' } }, 403, 'forbidden'],
  ['the API', { path: '/v1/query/events', method: 'GET' }, 404, 'not_found'],
  ['events', { path: '/v1/events', body: JSON.stringify({ app: APP, key: KEY }) }, 404, 'not_found'],
  ['the dashboard', { path: '/', method: 'GET' }, 404, 'not_found'],
  ['another method', { method: 'GET' }, 405, 'method_not_allowed'],
  ['nothing', {}, 400, 'invalid_json'],
  ['no JSON', { body: 'command=compact' }, 400, 'invalid_json'],
  ['a long body', { body: ' '.repeat(10_000) }, 413, 'body_too_large'],
  ...(
    [
      ['no object', []],
      ['no command', {}],
      ['no such command', { command: 'serve' }],
      ['no command of an object', { command: 'constructor' }],
      ['no user', { command: 'erase' }],
      ['more than a user', { command: 'erase', user: 'a', all: true }],
      ['what it does not take', { command: 'compact', force: true }],
      ['no days', { command: 'sweep', events_days: -1, replays_days: 0 }],
      ['no id', { command: 'export', after: 'x' }],
      ['less than an id', { command: 'export', after: -1 }],
    ] as const
  ).map(([what, ask]): [string, SocketRequest, number, string] => [
    ...([what, { body: JSON.stringify(ask) }, 400, 'invalid_parameter'] as const),
  ]),
];
for (const [what, request, status, code] of refused) {
  t.test(`${what} is refused`, async (t) => {
    const answer = await askSocket(c.dataDir, request);
    t.same([answer.status, answer.type], [status, 'application/problem+json'], answer.text);
    t.match(JSON.parse(answer.text), { status, type: `urn:spyglass:problem:${code}`, detail: /\w{3}/ });
  });
}

t.test('what it comes to is the last line', async (t) => {
  const last = async (ask: object) => (await linesFor(c.dataDir, ask)).at(-1);
  t.match(await last({ command: 'rebuild' }), { result: { head: 2 } });
  t.match(await last({ command: 'sweep', events_days: 1, replays_days: 0 }), { result: { chunks: 0 } });
  await c.send([event({ user_id: 'carol', ts: Date.now() }), event({ user_id: 'dave', ts: Date.now() })]);
  t.match(await last({ command: 'erase', user: 'carol', app: APP }), { result: { events: 1 } });
  t.match(await last({ command: 'compact' }), { result: { bytesBefore: Number, bytesAfter: Number } });
  t.match(await last({ command: 'export', after: 99 }), { problem: { status: 400, detail: /ends at id 4/ } });
  const exported = await linesFor(c.dataDir, { command: 'export', after: 0 });
  t.same(exported.at(-1), { result: {} });
  const lines = linesOf(exported.map(({ text }) => text ?? '').join(''));
  t.match(lines, [{ spyglass_export: 1 }, { id: 4, user_id: 'dave' }, { end: 4, events: 1 }]);
  t.equal(lines.length, 3);
});

t.test('a copy is there for as long as whoever asked for it', async (t) => {
  const response = await openOnSocket(c.dataDir, { body: '{"command":"backup"}' });
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
  const [problem] = await linesFor(c.dataDir, { command: 'verify' });
  t.match(problem, { problem: { type: 'urn:spyglass:problem:disk_full', detail: /has [\d.]+ MiB free/ } });
  c.config.disk = { ...c.config.disk, events_free_bytes: 0 };
  await c.restart();
});

/** Answers by `run` in a folder of its own. */
async function answering(t: Test, run: Partial<CommandRuns>): Promise<string> {
  const dataDir = mkdtempSync(join(tmpdir(), 'spyglass-commands-'));
  const never = () => Promise.reject(new Error('not asked for'));
  const log = { level: 'silent', debug() {}, info() {}, warn() {}, error() {}, fatal() {} };
  const all = {
    verify: never,
    backup: never,
    export: never,
    sweep: never,
    erase: never,
    erase_preview: never,
    compact: never,
  };
  const lock = await holdAsCollector(dataDir, answerCommands({ ...all, rebuild: never, ...run }, log));
  t.teardown(() => lock.release().then(() => rmSync(dataDir, { recursive: true })));
  return dataDir;
}

t.test('what goes wrong is told, by the name the API has for it', async (t) => {
  const dataDir = await answering(t, {
    compact: () => Promise.reject(Object.assign(new Error('being rewritten'), { name: 'StoreReopening' })),
    rebuild(_, { onProgress }) {
      onProgress({ done: 1, total: 2 });
      return Promise.reject(new Error('view users cannot be folded'));
    },
    async export(_, { onText }) {
      await onText('a page\n');
      throw new Error('no more');
    },
  });
  const internal = (detail: string) => ({ problem: JSON.parse(problemJson({ code: 'internal', detail })) });
  t.same(await linesFor(dataDir, { command: 'rebuild' }), [
    { progress: { done: 1, total: 2 } },
    internal('view users cannot be folded'),
  ]);
  t.match(await linesFor(dataDir, { command: 'compact' }), [
    { problem: { status: 503, detail: 'being rewritten' } },
  ]);
  t.same(await linesFor(dataDir, { command: 'export', after: 0 }), [
    { text: 'a page\n' },
    internal('no more'),
  ]);
});

t.test('an export waits for its consumer, and ends with it', async (t) => {
  let pages = 0;
  let isEnded = false;
  const dataDir = await answering(t, {
    async export(_, { onText }) {
      try {
        for (;;) {
          pages++;
          await onText('x'.repeat(65_536));
        }
      } finally {
        isEnded = true;
      }
    },
  });
  const response = await openOnSocket(dataDir, { body: '{"command":"export","after":0}' });
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
