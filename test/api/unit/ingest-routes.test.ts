/** The ingest routes by themselves: what reaches `ingest` and the store, and what comes back of refusals and failures. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { ServerDeps } from '../../../src/api/context.js';
import type { IngestRequest } from '../../../src/ingest/types.js';
import { ask, problemOf } from '../../support/http.js';
import { CONFIG, KEY, serve } from './server.js';

/** An error as it arrives from another thread: with its name, without its class. */
function named(name: string): Error {
  return Object.assign(new Error('the inside of it'), { name });
}

const levels = (lines: readonly string[]) => lines.map((line) => JSON.parse(line).level);

/** An `ingest` that takes everything and remembers what it was given. */
function remembering(): { ingest: ServerDeps['ingest']; taken: IngestRequest[] } {
  const taken: IngestRequest[] = [];
  const ingest = async (request: IngestRequest) => {
    taken.push(request);
    return undefined;
  };
  return { ingest, taken };
}

t.test('a body reaches ingest byte for byte, whatever it calls itself', async (t) => {
  const { ingest, taken } = remembering();
  const { url } = await serve(t, { ingest, now: () => 42 });
  const body = Buffer.from([0, 255, 13, 10, 0x7b]);
  for (const type of [
    undefined,
    'application/json',
    'text/plain;charset=UTF-8',
    'bogus',
    '',
    'multipart/form-data',
  ]) {
    const headers = type === undefined ? {} : { 'content-type': type };
    const answer = await ask(url, '/v1/events', { method: 'POST', body, headers });
    t.equal(answer.status, 204, `${type}`);
    t.equal(answer.text, '');
    t.same(taken.at(-1)?.body, body, `${type}`);
    t.match(taken.at(-1), { receivedAt: 42, address: '127.0.0.1' }, `${type}`);
  }
});

t.test('the encoding and the origin go along, an absent body is an empty one', async (t) => {
  const { ingest, taken } = remembering();
  const { url } = await serve(t, { ingest, now: () => 42 });
  const headers = { 'content-encoding': 'GZIP', origin: 'https://in.example' };
  t.equal((await ask(url, '/v1/events', { method: 'POST', headers })).status, 204);
  t.match(taken, [{ encoding: 'gzip', origin: 'https://in.example', receivedAt: 42 }]);
  t.same(taken[0]?.body, Buffer.alloc(0));
});

t.test('a refusal is answered as it is', async (t) => {
  const errors = [{ path: 'events[3].type', message: 'must be one of …' }];
  const refusals = [
    { code: 'invalid_event', detail: 'one', errors } as const,
    { code: 'rate_limited', detail: 'two', retryAfterS: 17 } as const,
  ];
  const { url, lines } = await serve(t, { ingest: async () => refusals.shift() });
  const first = problemOf(await ask(url, '/v1/events', { body: 'x' }), 400);
  t.match(first, {
    type: 'urn:spyglass:problem:invalid_event',
    title: 'A batch holds an invalid event',
    status: 400,
    detail: 'one',
    errors,
    instance: /^urn:spyglass:request:/,
  });
  const second = await ask(url, '/v1/events', { body: 'x' });
  problemOf(second, 429);
  t.equal(second.headers['retry-after'], '17');
  t.same(levels(lines), [20, 20], 'and is no news');
});

t.test('what ingest fails by is told apart by its name, from another thread too', async (t) => {
  const failures = [named('StoreFull'), named('StoreFailed'), named('Unforeseen')];
  const { url, lines } = await serve(t, {
    ingest: async () => {
      throw failures.shift();
    },
  });
  const full = await ask(url, '/v1/events', { body: 'x' });
  t.match(problemOf(full, 503), { title: 'Write queue is full' });
  t.ok(Number(full.headers['retry-after']) >= 1);
  t.match(problemOf(await ask(url, '/v1/events', { body: 'x' }), 503), { title: 'Not accepting data' });
  t.same(levels(lines), [40, 20, 20], 'a full queue is worth a warning');
  lines.length = 0;
  const internal = await ask(url, '/v1/events', { body: 'x' });
  t.notMatch(problemOf(internal, 500).detail, /inside/);
  t.same(levels(lines), [50, 20]);
  t.match(JSON.parse(lines[0] ?? ''), {
    level: 50,
    route: '/v1/events',
    err: { message: 'the inside of it' },
  });
  t.match(internal.text, JSON.parse(lines[0] ?? '').reqId, 'the answer names the line in the log');
});

t.test('a queue that stays full is one warning every ten seconds, with a count', async (t) => {
  let passed = 0;
  const monotonic = performance.now.bind(performance);
  t.intercept(performance, 'now', { value: () => monotonic() + passed });
  const ingest = async () => {
    throw named('StoreFull');
  };
  // A wall clock that stands still changes nothing.
  const { url, lines } = await serve(t, { ingest, now: () => 0 });
  for (passed of [0, 1, 3_000, 10_000, 10_001]) problemOf(await ask(url, '/v1/events', { body: 'x' }), 503);
  const warnings = lines.map((line) => JSON.parse(line)).filter(({ level }) => level === 40);
  t.same(
    warnings.map(({ refused }) => refused),
    [1, 3],
  );
});

t.test('after a failed commit nothing is accepted, and the log has one fatal line', async (t) => {
  const { ingest, taken } = remembering();
  const { url, store, lines } = await serve(t, { ingest });
  t.equal((await ask(url, '/readyz')).status, 200);
  store.fail(new Error('EIO'));
  await sleep(1);
  const chunk = { headers: { 'x-spyglass-key': KEY }, body: Buffer.from([0x1f, 0x8b]) };
  for (const answer of [
    await ask(url, '/v1/events', { body: 'x' }),
    await ask(url, '/v1/replay?session=s&seq=1', chunk),
    await ask(url, '/readyz'),
  ]) {
    t.match(problemOf(answer, 503), { title: 'Not accepting data' });
  }
  t.same(taken, []);
  t.equal(store.stored.size, 0);
  t.equal((await ask(url, '/healthz')).status, 200, 'the process lives');
  t.equal(lines.filter((line) => JSON.parse(line).level === 60).length, 1);
  t.equal((await ask(url, '/v1/query/events')).status, 200, 'and can be asked');
});

t.test('not ready is a 503, and says nothing of taking data in', async (t) => {
  let ready = false;
  const { url } = await serve(t, { ready: () => ready });
  problemOf(await ask(url, '/readyz'), 503);
  t.equal((await ask(url, '/v1/events', { body: 'x' })).status, 204);
  ready = true;
  t.equal((await ask(url, '/readyz')).status, 200);
});

t.test('who sends too much and reads only then still reads that it was', async (t) => {
  const { url } = await serve(t);
  const port = Number(new URL(url).port);
  const piece = Buffer.alloc(65_536, 32);
  for (const chunked of [true, false]) {
    const socket = connect(port, '127.0.0.1').pause();
    const length = 128 * piece.length;
    socket.write('POST /v1/events HTTP/1.1\r\nhost: x\r\n');
    socket.write(chunked ? 'transfer-encoding: chunked\r\n\r\n' : `content-length: ${length}\r\n\r\n`);
    for (let sent = 0; sent < length; sent += piece.length) {
      const framed = chunked ? Buffer.concat([Buffer.from('10000\r\n'), piece, Buffer.from('\r\n')]) : piece;
      if (!socket.write(framed)) await once(socket, 'drain');
    }
    if (chunked) socket.write('0\r\n\r\n');
    let answer = '';
    socket.setEncoding('utf8').on('data', (text) => {
      answer += text;
    });
    socket.resume();
    await once(socket, 'end');
    t.match(answer, /^HTTP\/1\.1 413 [\s\S]*problem\+json[\s\S]*body_too_large/);
    socket.destroy();
  }
});

t.test('the checks of a chunk, of two faults at once the earlier', async (t) => {
  const apps = { inventory: { key: KEY, origins: ['https://in.example'] } };
  const { url, store } = await serve(t, { config: { ...CONFIG, apps } });
  const gzip = Buffer.from([0x1f, 0x8b, 8]);
  const send = (query: string, headers: Record<string, string>, body: Buffer = gzip) =>
    ask(url, `/v1/replay?${query}`, { method: 'POST', headers, body });
  const outside = { origin: 'https://out.example' };
  const key = { 'x-spyglass-key': KEY };
  problemOf(await send('session=.&seq=0', outside, Buffer.alloc(2_001)), 413);
  const parameters = problemOf(await send('session=.&seq=0&ts=x', outside, Buffer.alloc(0)), 400);
  t.same(
    parameters.errors?.map((error) => error.path),
    ['session', 'seq', 'ts'],
  );
  problemOf(await send('session=s&seq=1', { ...outside, 'x-spyglass-key': 'wrong' }, Buffer.alloc(0)), 401);
  problemOf(await send('session=s&seq=1', outside, Buffer.alloc(0)), 401);
  problemOf(await send('session=s&seq=1&app=other', { ...outside, ...key }, Buffer.alloc(0)), 401);
  problemOf(await send('session=s&seq=1', { ...outside, ...key }, Buffer.alloc(0)), 403);
  t.match(problemOf(await send('session=s&seq=1', key, Buffer.alloc(0)), 400), { detail: /empty/ });
  t.match(problemOf(await send('session=s&seq=1', key, Buffer.from('{}')), 400), { detail: /gzip/ });
  t.equal(store.stored.size, 0);
  t.equal((await send('session=s&seq=1', key)).status, 204);
  t.same([...store.stored], [['inventory/s/1', gzip]]);
});
