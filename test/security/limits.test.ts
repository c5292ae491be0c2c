/** What a request may be, at the most: bytes on the wire and in memory, headers, depth, rows, readers; and what is no request. */
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import {
  BODY_BYTES_DEFAULT,
  LIST_TEXT_MAX,
  STREAM_CLIENT_READERS_MAX,
  STREAM_READERS_MAX,
  TAIL_TEXT_MAX,
} from '../../src/domain/limits.js';
import { startCollector } from '../support/collector.js';
import { ask, basic, event, get, keyOf, NOON, postEvents, problemOf, store } from '../support/http.js';
import { chunk, postReplay } from '../support/replay.js';
import type { EventsAnswer } from '../support/rows.js';
import { openStream } from '../support/sse.js';

const PASSWORD = 'correct horse';
const TEAM = 'battery staple';
const ANSWER_MS_MAX = 60_000;
const key = keyOf('inventory');
const c = await startCollector({
  apps: { inventory: { key: keyOf('inventory'), origins: [], read_password: TEAM } },
  auth: { dashboard_password: PASSWORD },
  limits: { chunk_bytes: 100_000 },
});
t.teardown(() => c.close());
t.setTimeout(180_000);

const body = JSON.stringify({ app: 'inventory', key, events: [] });
const AUTH = `Authorization: ${basic(PASSWORD).authorization}\r\n`;

/** Sends bytes as they are; settles with all that was answered until the connection ended, at our wish or the server's. */
function raw(text: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(c.url).port), '127.0.0.1');
    let answer = '';
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no end after ${answer.slice(0, 300)}`));
    }, ANSWER_MS_MAX);
    socket.on('data', (bytes: Buffer) => {
      answer += bytes.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(answer);
    });
    socket.write(text);
  });
}
const statusesOf = (answer: string) =>
  [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));

const post = (headers: string, content: string) =>
  `POST /v1/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n${content}`;
const read = (path: string, headers = '') =>
  `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n`;

/** Where two readers of the same bytes could see two different requests, and what else no client sends. */
const ODD: [name: string, bytes: string, statuses: number[]][] = [
  ['two lengths', post(`Content-Length: ${body.length}\r\nContent-Length: 5\r\n`, body), [400]],
  [
    'the same length twice',
    post(`Content-Length: ${body.length}\r\nContent-Length: ${body.length}\r\n`, body),
    [400],
  ],
  [
    'a length and chunks',
    post('Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${read('/v1/apps')}`),
    [400],
  ],
  [
    'an encoding nobody knows',
    post(`Transfer-Encoding: xchunked\r\nContent-Length: ${body.length}\r\n`, body),
    [400],
  ],
  ['chunked, but not at the end', post('Transfer-Encoding: chunked, gzip\r\n', '0\r\n\r\n'), [400]],
  ['a blank before the colon', post('Transfer-Encoding : chunked\r\n', '0\r\n\r\n'), [400]],
  ['a folded header', read('/healthz', 'X: a\r\n b\r\n'), [400]],
  ['lines without CR', 'GET /healthz HTTP/1.1\nHost: localhost\n\n', [400]],
  ['a length below nothing', post('Content-Length: -1\r\n', ''), [400]],
  ['a length with a sign', post('Content-Length: +4\r\n', '[{}]'), [400]],
  ['a length beyond numbers', post('Content-Length: 99999999999999999999\r\n', ''), [400]],
  ['a length beyond the limit', post('Content-Length: 9999999999\r\n', ''), [413]],
  ['a chunk beyond numbers', post('Transfer-Encoding: chunked\r\n', 'FFFFFFFFFFFFFFFFFF\r\n'), [400]],
  [
    'a chunk with 30 kB of remarks',
    post('Transfer-Encoding: chunked\r\n', `2;${'x'.repeat(30_000)}\r\n{}\r\n0\r\n\r\n`),
    [400],
  ],
  [
    '100 kB of trailers',
    post('Transfer-Encoding: chunked\r\n', `0\r\n${`T: ${'x'.repeat(1_000)}\r\n`.repeat(100)}\r\n`),
    [431],
  ],
  [
    '5,000 headers',
    read('/healthz', Array.from({ length: 5_000 }, (_, n) => `a${n}: b\r\n`).join('')),
    [431],
  ],
  ['a long header', read('/healthz', `X: ${'x'.repeat(20_000)}\r\n`), [431]],
  ['a long path', read(`/${'x'.repeat(20_000)}`), [431]],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400]],
  ['HTTP/1.2', 'GET /healthz HTTP/1.2\r\nHost: localhost\r\n\r\n', [400]],
  ['HTTP/1.0', 'GET /healthz HTTP/1.0\r\n\r\n', [200]],
  ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', [400]],
  ['two hosts', read('/v1/apps', `Host: evil.example\r\n${AUTH}`), [400]],
  ['a NUL in the path', read('/v1/apps\0', AUTH), [400]],
  ['an encoded NUL in the path', read('/v1/apps%00', AUTH), [404]],
  ['a NUL in a header', read('/healthz', 'X: a\0b\r\n'), [400]],
  ['another site’s address', read('http://evil.example/v1/apps'), [401]],
  ['a way around through an open path', read('/healthz/../v1/apps'), [401]],
  ['TRACE', `TRACE /v1/apps HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${AUTH}\r\n`, [405]],
  ['CONNECT', 'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n', []],
  ['OPTIONS *', 'OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', [405]],
  ['1,000 ranges', read('/v1/query/events', `${AUTH}Range: bytes=0-${',0-'.repeat(1_000)}\r\n`), [200]],
  ['an impossible range', read('/docs', `${AUTH}Range: bytes=5-1\r\n`), [200]],
  ['a way out of the assets', read('/assets/..%2f..%2f..%2fpackage.json', AUTH), [404]],
  ['a way out of the SDK', read('/sdk/..%2f..%2f..%2fpackage.json', AUTH), [404]],
  ['a way out of the documentation', read('/docs/..%2f..%2f..%2fpackage.json', AUTH), [200]],
  ['a wrongly encoded file', read('/assets/%E0%A4%A', AUTH), [400]],
];

t.test('requests no client sends', async (t) => {
  for (const [name, bytes, statuses] of ODD) {
    const answer = await raw(bytes);
    t.same(statusesOf(answer), statuses, name);
    if ((statuses[0] ?? 0) >= 400) t.match(answer, /^content-type: application\/problem\+json\r$/im, name);
    t.notMatch(answer, /sg_live_|^server:|^x-powered-by:|^location:|package\.json/im, name);
  }
});

t.test('an upgrade nobody offers is no upgrade', async (t) => {
  const upgrade =
    'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
  const asked = read('/healthz', upgrade).replace('Connection: close', 'Connection: Upgrade, close');
  t.same(statusesOf(await raw(asked)), [200]);
});

t.test('requests one after the other without waiting are answered in their order', async (t) => {
  const one = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  const events = `POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const all = `${one('/healthz')}${events}${one('/v1/apps')}${events}${read('/readyz')}`;
  t.same(statusesOf(await raw(all)), [200, 204, 401, 204, 200]);
});

t.test('what a body inflates to has the same limit as the body', async (t) => {
  const zipped = { headers: { 'content-encoding': 'gzip' } };
  const send = (bytes: Buffer) => postEvents(c.url, bytes, zipped);
  problemOf(await send(gzipSync(Buffer.alloc(200 * 1_048_576, ' '))), 413);
  const member = gzipSync(Buffer.alloc(BODY_BYTES_DEFAULT - 100, ' '));
  problemOf(await send(Buffer.concat([member, member])), 413);
  problemOf(await send(Buffer.concat(Array<Buffer>(900).fill(member))), 413);
  problemOf(await send(Buffer.concat(Array<Buffer>(40_000).fill(gzipSync('')))), 400);
  const whole = gzipSync(body);
  t.equal((await send(whole)).status, 204);
  t.equal((await send(Buffer.concat([gzipSync(body.slice(0, 9)), gzipSync(body.slice(9))]))).status, 204);
  problemOf(await send(Buffer.concat([whole, Buffer.from('and more')])), 400);
  problemOf(await send(whole.subarray(0, -4)), 400);
  problemOf(await postEvents(c.url, gzipSync(whole), { headers: { 'content-encoding': 'gzip, gzip' } }), 415);
  problemOf(await postEvents(c.url, Buffer.alloc(BODY_BYTES_DEFAULT + 1, ' ')), 413);
  problemOf(
    await postReplay(c.url, 'session=s&seq=1', Buffer.concat([chunk('x'), Buffer.alloc(100_001)]), key),
    413,
  );
  const erase = { headers: { ...basic(PASSWORD), 'content-type': 'application/json' } };
  problemOf(await ask(c.url, '/v1/erase', { method: 'POST', body: ' '.repeat(5_000), ...erase }), 413);
});

t.test('bodies that are small and still too much', async (t) => {
  const events = (json: string) => `{"app":"inventory","key":"${key}","events":${json}}`;
  const one = (member: string) =>
    events(`[{"user_id":"a","session_id":"s","type":"event","name":"deep",${member}}]`);
  const nested = (levels: number) => `"props":${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
  problemOf(await postEvents(c.url, '['.repeat(1_000_000)), 400);
  problemOf(await postEvents(c.url, one(nested(64))), 400);
  t.equal((await postEvents(c.url, one(nested(61)))).status, 204);
  problemOf(await postEvents(c.url, one(`"ts":${'9'.repeat(900_000)}`)), 400);
  problemOf(await postEvents(c.url, one('"ts":1e400')), 400);
  const { errors = [] } = problemOf(
    await postEvents(c.url, events(`[${Array(150_000).fill('{}').join()}]`)),
    400,
  );
  t.ok(errors.length <= 100, 'not each of 150,000 mistakes is listed');
  for (const polluted of ['{"__proto__":{"x":1}}', '{"a":{"constructor":{"prototype":{"x":1}}}}'])
    problemOf(await postEvents(c.url, one(`"props":${polluted}`)), 400);
});

t.test('parameters have limits too', async () => {
  const asOperator = { headers: basic(PASSWORD) };
  const steps = Array.from({ length: 21 }, (_, n) => `n${n}`).join();
  problemOf(await ask(c.url, `/v1/query/funnel?steps=${steps}`, asOperator), 400);
  for (const time of ['-1', String(2 ** 48), '1e3'])
    problemOf(await ask(c.url, `/v1/query/events?from=${time}`, asOperator), 400);
});

t.test('a page of large events ends early, and the next one goes on', async (t) => {
  const pad = 'x'.repeat(900_000);
  const COUNT = 8;
  for (let n = 0; n < COUNT; n++)
    await store(c.url, 'inventory', [
      event({ user_id: 'large', ts: NOON + n, name: `n${n}`, props: { pad } }),
    ]);
  const names: string[] = [];
  let pages = 0;
  let cursor = '';
  do {
    const path = `/v1/query/events?user=large&limit=500${cursor && `&cursor=${cursor}`}`;
    const page = await get<EventsAnswer>(c.url, path, basic(PASSWORD));
    const text = page.events.reduce((sum, one) => sum + JSON.stringify(one.props).length, 0);
    t.ok(text <= LIST_TEXT_MAX + BODY_BYTES_DEFAULT, `${text}`);
    names.push(...page.events.map(({ name }) => name));
    cursor = page.next_cursor ?? '';
    pages++;
  } while (cursor !== '');
  t.same(
    names,
    Array.from({ length: COUNT }, (_, n) => `n${COUNT - 1 - n}`),
  );
  t.ok(pages > 1);
  const tail = await c.store.tail(0, 500);
  const size = tail.events.reduce((sum, one) => sum + (one.props?.length ?? 0), 0);
  t.ok(size <= TAIL_TEXT_MAX + BODY_BYTES_DEFAULT, `${size} in a page of the tail`);
});

t.test('the live feed has so many readers and no more, and room again when one leaves', async (t) => {
  const open = () => openStream(c.url, '/v1/stream', basic(PASSWORD));
  const followed = await Promise.all(Array.from({ length: STREAM_READERS_MAX }, open));
  t.same(new Set(followed.map(({ status }) => status)), new Set([200]));
  const refused = await ask(c.url, '/v1/stream', { headers: basic(PASSWORD) });
  problemOf(refused, 503);
  t.ok(Number(refused.headers['retry-after']) > 0);
  t.equal((await postEvents(c.url, body)).status, 204);
  for (const one of followed) one.close();
  for (let status = 503; status !== 200; ) {
    const again = await open();
    again.close();
    status = again.status;
  }
});

t.test('one app’s reader does not take the places of the others', async (t) => {
  const open = (password: string) => openStream(c.url, '/v1/stream', basic(password));
  const greedy = await Promise.all(Array.from({ length: STREAM_READERS_MAX }, () => open(TEAM)));
  const taken = greedy.filter(({ status }) => status === 200);
  t.equal(taken.length, STREAM_CLIENT_READERS_MAX);
  t.equal(greedy.filter(({ status }) => status === 503).length, greedy.length - taken.length);
  const operator = await open(PASSWORD);
  t.equal(operator.status, 200);
  for (const one of [...greedy, operator]) one.close();
});

t.test('what nobody asked a password for does not say what this is, or which version', async (t) => {
  const { version } = JSON.parse((await ask(c.url, '/v1/apps', { headers: basic(PASSWORD) })).text) as {
    version: string;
  };
  t.match(version, /^\d/);
  const paths = [
    '/',
    '/healthz',
    '/readyz',
    '/metrics',
    '/openapi.json',
    '/docs',
    '/v1/apps',
    '/v1/none',
    '/sdk/none',
    '/sdk/spyglass.js',
  ];
  for (const path of paths) {
    for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS', 'BREW']) {
      const { text, headers } = await ask(c.url, path, { method });
      const whole = text + JSON.stringify(headers);
      for (const word of [`v${version}`, `"${version}"`, 'fastify', 'node_modules', process.version, 'lmdb'])
        t.notOk(whole.toLowerCase().includes(word), `${method} ${path}: ${word}`);
      t.notOk(headers.server ?? headers['x-powered-by'] ?? headers.via, path);
    }
  }
});
