/** Connections are bounded: silent ones give way, an address that has most of them does, and nobody gets nothing. */
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { connectionsMax, createConnections } from '../../../src/api/connections.js';
import { CONNECTIONS_MAX, FILES_RESERVED } from '../../../src/domain/limits.js';
import { ask, problemOf } from '../../support/http.js';
import { GOOD, ROUTES } from '../../support/reading-routes.js';
import { postReplay } from '../../support/replay.js';
import { KEY, serve } from './server.js';

const MAX = 20;

async function served(t: Test, host = '127.0.0.1') {
  const lines: string[] = [];
  const connections = createConnections(pino({}, { write: (line: string) => lines.push(line) }), MAX);
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (request.url === '/') response.end('ok');
  });
  connections.watch(server);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  const sockets: Socket[] = [];
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.closeAllConnections();
    server.close();
  });
  /** Opens connections from an address, each of which sends this. */
  const open = async (count: number, from: string, text = ''): Promise<Socket[]> => {
    const opened: Socket[] = [];
    for (let n = 0; n < count; n++) {
      const socket = connect({ port, host: '127.0.0.1', localAddress: from, allowHalfOpen: true });
      socket.on('error', () => {});
      await new Promise((resolve) => socket.once('connect', resolve));
      if (text !== '') socket.write(text);
      opened.push(socket);
    }
    sockets.push(...opened);
    return opened;
  };
  const reach = async (is: () => boolean) => {
    while (!is()) await sleep(2);
  };
  return { url: `http://127.0.0.1:${port}`, connections, open, lines, reach, asked };
}
const HALF = 'GET /slow HTTP/1.1\r\nHost: x\r\n\r\n';
/** On a connection of its own. */
const get = (url: string, from: string) => ask(url, '/', { from, headers: { connection: 'close' } });

t.test('connections that say nothing give way to those that do', async (t) => {
  const { url, connections, open, reach } = await served(t);
  await open(MAX * 3, '127.0.0.7');
  await reach(() => connections.counts().cut === MAX * 2);
  for (const from of ['127.0.0.7', '127.0.0.8']) t.equal((await get(url, from)).status, 200);
  t.ok(connections.counts().open <= MAX);
  t.equal(connections.counts().refused, 0);
});

t.test('an address with most of them gives way to others, and is refused itself', async (t) => {
  const { url, connections, open, lines, reach } = await served(t);
  const greedy = await open(MAX, '127.0.0.7', HALF);
  await reach(() => connections.counts().open === MAX);
  await sleep(20);
  const refused = await get(url, '127.0.0.7');
  problemOf(refused, 503);
  t.ok(Number(refused.headers['retry-after']) > 0);
  t.equal((await get(url, '127.0.0.8')).status, 200);
  t.same(connections.counts().cut, 1);
  t.equal(greedy[1]?.destroyed, false);
  t.match(lines.join(''), /as many connections as there may be/);
  for (const socket of greedy) socket.destroy();
  await reach(() => connections.counts().open === 0);
  t.equal((await get(url, '127.0.0.7')).status, 200, 'with room again everybody gets in');
});

t.test('what a refused connection sends is not carried out', async (t) => {
  const { connections, open, reach, asked } = await served(t);
  await open(MAX, '127.0.0.7', HALF);
  await reach(() => asked.length === MAX);
  const refused = await open(2, '127.0.0.7');
  await reach(() => connections.counts().refused === 2);
  await Promise.all(
    refused.map(async (socket) => {
      socket.end('POST /late HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}');
      let answer = '';
      for await (const data of socket) answer += data;
      t.match(answer, /^HTTP\/1.1 503/);
    }),
  );
  await sleep(20);
  t.same(new Set(asked), new Set(['/slow']));
});

t.test('on a socket of IPv6 too each IPv4 address counts by itself', async (t) => {
  const { url, connections, open, reach } = await served(t, '::');
  await open(MAX, '127.0.0.7', HALF);
  await reach(() => connections.counts().open === MAX);
  await sleep(20);
  t.equal((await get(url, '127.0.0.7')).status, 503);
  t.equal((await get(url, '127.0.0.8')).status, 200);
});

t.test('without descriptors every route is a 503 that says when to come back', async (t) => {
  const { url, store, lines } = await serve(t);
  for (const code of ['EMFILE', 'ENFILE']) {
    const error = Object.assign(new Error(`${code}: too many open files, open '/data/x'`), { code });
    store.readError = error;
    store.putChunk = () => Promise.reject(error);
    const answers = await Promise.all(ROUTES.map(([path]) => ask(url, `${path}app=${GOOD.app}`)));
    const upload = await postReplay(url, 'session=s&seq=1', gzipSync('[]'), KEY);
    for (const answer of [...answers.filter(({ status }) => status !== 400), upload]) {
      t.match(problemOf(answer, 503), { type: 'urn:spyglass:problem:out_of_files' });
      t.ok(Number(answer.headers['retry-after']) > 0);
    }
  }
  t.notMatch(lines.join(''), 'request failed');
});

t.test('the bound leaves descriptors to files', async (t) => {
  t.equal(connectionsMax(65_536), CONNECTIONS_MAX);
  t.equal(connectionsMax(1_024), 1_024 - FILES_RESERVED);
  t.equal(connectionsMax(120), 60);
  t.equal(connectionsMax(Number.POSITIVE_INFINITY), CONNECTIONS_MAX);
});
