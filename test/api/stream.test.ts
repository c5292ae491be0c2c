/** `GET /v1/stream` from outside: what comes, from where on, and what ends it. */
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { startCollector } from '../support/collector.js';
import { apps, DAY, event, get, keyOf, NOON, postEvents, refusal, store } from '../support/http.js';
import type { EventRow, EventsAnswer } from '../support/rows.js';
import { type EventStream, type Frame, openStream } from '../support/sse.js';

const c = await startCollector({ apps: apps('inventory', 'shop') });
t.teardown(() => c.close());

const head = async (url = c.url) => (await get<EventsAnswer>(url, '/v1/query/events?limit=1')).head;
const rowOf = (frame: Frame) => JSON.parse(frame.data ?? '') as EventRow;
const isEvent = (frame: Frame) => frame.data !== undefined && frame.event !== 'reset';
const rowsOf = (stream: EventStream) => stream.frames.filter(isEvent).map(rowOf);

async function open(t: Test, query = '', headers = {}, url = c.url) {
  const stream = await openStream(url, `/v1/stream${query}`, headers);
  t.teardown(() => stream.close());
  return stream;
}

/** Waits for the event of a name, and gives the names up to it. */
async function namesUntil(stream: EventStream, name: string): Promise<string[]> {
  await stream.find((frame) => isEvent(frame) && rowOf(frame).name === name);
  return rowsOf(stream).map((row) => row.name);
}

t.test('STR-05 when nothing matches, a frame with only an id moves the cursor on', async (t) => {
  await store(c.url, 'inventory', [event({ name: 'before' })]);
  const stream = await open(t, '?user=bob');
  await store(c.url, 'inventory', [event({ user_id: 'bob', name: 'matched' })]);
  await namesUntil(stream, 'matched');
  await store(c.url, 'inventory', [event({ name: 'unmatched' })]);
  const id = String(await head());
  const frame = await stream.find((frame) => frame.id === id);
  t.same(frame, { id }, 'within the five seconds of a heartbeat');
  t.equal(rowsOf(stream).length, 1);
});

t.test('STR-01 each new event, as it would be listed', async (t) => {
  const stream = await open(t);
  t.equal(stream.status, 200);
  t.match(stream.headers['content-type'], /^text\/event-stream\b/);
  const props = { text: 'a\nb\r\u2028', big: 1 };
  await store(c.url, 'inventory', [event({ name: 'one', props }), event({ name: 'two', url: '/ü' })]);
  // Props come back as they were written, line breaks and all, and those would end a frame.
  const pretty = {
    app: 'shop',
    key: keyOf('shop'),
    events: [event({ name: 'three', ts: NOON - DAY, props })],
  };
  await postEvents(c.url, JSON.stringify(pretty, null, 2).replaceAll('\n', '\r\n\n'));
  t.same(await namesUntil(stream, 'three'), ['one', 'two', 'three'], 'nothing from before it was opened');
  const { events } = await get<EventsAnswer>(c.url, '/v1/query/events?limit=500');
  for (const row of rowsOf(stream))
    t.same(
      row,
      events.find((listed) => listed.id === row.id),
    );
  for (const frame of stream.frames.filter(isEvent)) t.equal(frame.id, String(rowOf(frame).id));
});

t.test('STR-02 filtered by user, type, app and session', async (t) => {
  const queries = [
    '?user=u2',
    '?type=error',
    '?app=shop',
    '?session=s2',
    '?user=u2&type=error&app=shop&session=s2',
  ];
  const streams = await Promise.all(queries.map((query) => open(t, query)));
  const bits = Array.from({ length: 16 }, (_, n) => n);
  const has = (n: number, bit: number) => ((n >> bit) & 1) === 1;
  for (const n of bits) {
    const over = {
      user_id: has(n, 0) ? 'u2' : 'u1',
      type: has(n, 1) ? 'error' : 'event',
      session_id: has(n, 3) ? 's2' : 's1',
    };
    await store(c.url, has(n, 2) ? 'shop' : 'inventory', [event({ ...over, name: `n${n}` })]);
  }
  for (const [bit, stream] of streams.slice(0, 4).entries()) {
    const expected = bits.filter((n) => has(n, bit)).map((n) => `n${n}`);
    t.same(await namesUntil(stream, 'n15'), expected, `${queries[bit]}`);
  }
  t.same(await namesUntil(streams[4] as EventStream, 'n15'), ['n15']);
});

t.test('STR-03 STR-04 it resumes without a gap', async (t) => {
  const from = await head();
  await store(c.url, 'inventory', [event({ name: 'r1' }), event({ name: 'r2' })]);
  await store(c.url, 'shop', [event({ name: 'r3', ts: Date.UTC(2000, 0) })]);
  const streams = [
    await open(t, `?after=${from}`),
    await open(t, '', { 'last-event-id': String(from) }),
    await open(t, `?after=${from}&app=inventory`),
    await open(t, `?after=${from + 1}`),
  ];
  await store(c.url, 'inventory', [event({ name: 'r4' })]);
  const seen = await Promise.all(streams.map((stream) => namesUntil(stream, 'r4')));
  t.same(seen, [
    ['r1', 'r2', 'r3', 'r4'],
    ['r1', 'r2', 'r3', 'r4'],
    ['r1', 'r2', 'r4'],
    ['r2', 'r3', 'r4'],
  ]);
  for (const stream of streams) t.notOk(stream.frames.some((frame) => frame.event === 'reset'));
});

t.test('STR-04 a browser that comes back says where it is in the header, not in its old URL', async (t) => {
  const old = await head();
  await store(c.url, 'inventory', [event({ name: 'seen' })]);
  const stream = await open(t, `?after=${old}`, { 'last-event-id': String(await head()) });
  await store(c.url, 'inventory', [event({ name: 'unseen' })]);
  t.same(await namesUntil(stream, 'unseen'), ['unseen']);
});

t.test('STR-10 backlog and live events together come in the order of ids, each once', async (t) => {
  const from = await head();
  const post = (n: number) =>
    store(
      c.url,
      n % 2 ? 'inventory' : 'shop',
      Array.from({ length: 40 }, (_, i) => event({ name: `o${n}`, ts: NOON - i * DAY })),
    );
  for (let n = 0; n < 20; n++) await post(n);
  const stream = await open(t, `?after=${from}`);
  await Promise.all(Array.from({ length: 20 }, (_, n) => post(20 + n)));
  await store(c.url, 'inventory', [event({ name: 'end' })]);
  await namesUntil(stream, 'end');
  t.same(
    rowsOf(stream).map((row) => row.id),
    Array.from({ length: 1_601 }, (_, i) => from + 1 + i),
  );
});

t.test('STR-06 an id above the head is answered with a reset', async (t) => {
  for (const [query, headers] of [
    [`?after=${(await head()) + 1}`, {}],
    ['', { 'last-event-id': '999999' }],
    [`?after=${'9'.repeat(20)}`, {}],
  ] as const) {
    const stream = await open(t, query, headers);
    t.equal(stream.status, 200);
    const frame = await stream.find(() => true);
    t.equal(frame.event, 'reset');
    t.ok(frame.data !== undefined, 'a frame without data never reaches a browser’s listeners');
  }
});

t.test('STR-07 an id below the fence is answered with a reset', async (t) => {
  const swept = await startCollector({ apps: apps('inventory') });
  t.teardown(() => swept.close());
  const midnight = NOON - DAY / 2;
  for (const ts of [midnight - 2, midnight - 1, midnight])
    await store(swept.url, 'inventory', [event({ ts, name: `at${ts}` })]);
  await swept.store.sweep({ eventsBefore: midnight });
  for (const after of [0, 1]) {
    const stream = await open(t, `?after=${after}`, {}, swept.url);
    t.equal((await stream.find(() => true)).event, 'reset', `after ${after}`);
  }
  const stream = await open(t, '?after=2', {}, swept.url);
  t.same(await namesUntil(stream, `at${midnight}`), [`at${midnight}`], 'what is left goes on without one');
  t.notOk(stream.frames.some((frame) => frame.event === 'reset'));
});

t.test('STR-08 a slow reader is dropped', async (t) => {
  const quick = await open(t, '?user=slow');
  const socket = connect(Number(new URL(c.url).port), '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.on('error', () => {}); // a reset is a way to be dropped
  const dropped = new Promise((resolve) => socket.once('close', resolve));
  socket.write('GET /v1/stream?user=slow HTTP/1.1\r\nHost: localhost\r\n\r\n');
  let text = '';
  socket.on('data', (piece) => {
    text += piece;
  });
  // It is live, with nothing more to catch up on, once it has been given events as they came.
  for (const name of ['hello', 'again']) {
    await store(c.url, 'inventory', [event({ user_id: 'slow', name })]);
    while (!text.includes(name)) await delay(5);
  }
  socket.removeAllListeners('data').pause();
  const pad = 'x'.repeat(1_000_000);
  const count = 25;
  for (let i = 0; i < count; i++) {
    await store(c.url, 'inventory', [event({ user_id: 'slow', name: `p${i}`, props: { pad } })]);
  }
  await namesUntil(quick, `p${count - 1}`);
  let bytes = 0;
  socket.on('data', (piece: Buffer) => {
    bytes += piece.length;
  });
  socket.resume();
  await dropped;
  t.ok(bytes < count * pad.length, `${bytes} bytes came before the end`);
});

t.test('STR-09 a malformed parameter is a 400 that names it', async (t) => {
  for (const [name, values] of Object.entries({
    after: ['abc', '-1', '1.5', '1e3', '%201'],
    type: ['foo'],
  })) {
    for (const value of values) {
      t.match(JSON.stringify(await refusal(c.url, `/v1/stream?${name}=${value}`, 400)), name);
    }
  }
  for (const name of ['after', 'type', 'user', 'app', 'session']) {
    t.match(JSON.stringify(await refusal(c.url, `/v1/stream?${name}=1&${name}=1`, 400)), name);
  }
});
