/** Connections that say nothing, or never finish: they harm nobody, and end. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { CONNECTION_CHECK_MS, HEADERS_MS_MAX } from '../../src/domain/limits.js';
import { startCollector } from '../support/collector.js';
import { event, get } from '../support/http.js';
import type { EventsAnswer } from '../support/rows.js';

const SOCKETS = 200;
/** A hang is a failure; a slow machine is not. */
const END_MS_MAX = HEADERS_MS_MAX + CONNECTION_CHECK_MS + 60_000;

t.setTimeout(180_000);
const c = await startCollector();
t.teardown(() => c.close());

/** What each of them sends, and then no more: nothing, half a line, half the headers. */
const BEGINNINGS = [
  '',
  'POST /v1/ev',
  'POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n',
];

async function openSocket(beginning: string): Promise<Socket> {
  const socket = connect(Number(new URL(c.url).port), '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  socket.write(beginning);
  return socket;
}

t.test(`${SOCKETS} stalled connections hold up nobody, and are ended`, async (t) => {
  const opened = Array.from({ length: SOCKETS }, (_, i) =>
    openSocket(BEGINNINGS[i % BEGINNINGS.length] ?? ''),
  );
  const sockets = await Promise.all(opened);
  const ended = Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve))));
  for (let i = 0; i < 20; i++) t.equal((await c.send([event({ name: `n${i}` })])).status, 204);
  t.equal((await get<EventsAnswer>(c.url, '/v1/query/events')).events.length, 20);
  const end = await Promise.race([
    ended.then(() => 'ended'),
    sleep(END_MS_MAX, 'still open', { ref: false }),
  ]);
  t.equal(end, 'ended');
});
