/** The hub of the live feed, on a fake log: nothing missed, nothing twice, one reader for all, nobody waited for without end. */
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { createStreamHub, type StreamHub } from '../../../src/api/live/stream.js';
import type { JsonText } from '../../../src/domain/event.js';
import { ReadsFull, ReadTimeout } from '../../../src/store/port.js';
import { createFakeStore, type FakeStore } from './fake-store.js';

const log = pino({ level: 'silent' });

// The hub keeps no process alive; its sockets do, and here there are none.
const alive = setInterval(() => {}, 60_000);
t.teardown(() => clearInterval(alive));

interface Frame {
  id?: number;
  event?: string;
  data?: string;
}

interface Reader {
  sink: Writable;
  frames: Frame[];
  /** The ids of the events that came. */
  ids(): number[];
  /** Settles once a frame fits. */
  until(fits: (frame: Frame) => boolean): Promise<void>;
}

function createReader(): Reader {
  const frames: Frame[] = [];
  let text = '';
  let wake: () => void = () => {};
  const sink = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      text += chunk;
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      frames.push(...blocks.map(parseFrame));
      wake();
      done();
    },
  });
  const ids = () => frames.filter(({ event, data }) => data !== undefined && event === undefined).map(idOf);
  const until = async (fits: (frame: Frame) => boolean) => {
    while (!frames.some(fits)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { sink, frames, ids, until };
}

function idOf(frame: Frame): number {
  return frame.id ?? Number.NaN;
}

function parseFrame(block: string): Frame {
  const frame: Frame = {};
  for (const line of block.split('\n')) {
    const [, name, value = ''] = /^(\w+): (.*)$/.exec(line) ?? [];
    if (name === 'id') frame.id = Number(value);
    else if (name === 'event') frame.event = value;
    else if (name === 'data') frame.data = value;
    else throw new Error(`not a line of a frame: ${line}`);
  }
  return frame;
}

function createHub(
  t: Test,
  store: FakeStore,
  options: { heartbeatMs?: number; pauseMs?: number; allBytesMax?: number } = {},
): StreamHub {
  const hub = createStreamHub({ store, log, pauseMs: 1, bufferBytesMax: 10_000, ...options });
  t.teardown(() => hub.close());
  return hub;
}

const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, i) => first + i);
const isLast = (id: number) => (frame: Frame) => frame.id === id;

t.test('what is there already and what comes meanwhile arrives once and in order', async (t) => {
  const store = createFakeStore();
  const hub = createHub(t, store);
  store.commit(1_000);
  const readers = [0, 300, 999, 1_000].map((after) => ({ after, ...createReader() }));
  for (const { sink, after } of readers) hub.follow(sink, {}, after);
  // Commits fall into every moment of catching up, of joining and of being live.
  for (let i = 0; i < 200; i++) {
    store.commit(1 + (i % 7));
    if (i % 20 === 0) {
      const after = store.log.length - (i % 3) * 100;
      const late = { after, ...createReader() };
      hub.follow(late.sink, {}, after);
      readers.push(late);
    }
    if (i % 2 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const head = store.log.length;
  for (const { until, ids, after } of readers) {
    await until(isLast(head));
    t.same(ids(), upTo(head, after + 1), `after ${after}`);
  }
});

t.test('a commit between the read and the joining is not missed', async (t) => {
  const store = createFakeStore();
  const hub = createHub(t, store);
  store.commit(3);
  let open: () => void = () => {};
  store.tailGate = new Promise((resolve) => {
    open = resolve;
  });
  const reader = createReader();
  hub.follow(reader.sink, {}, 0);
  store.commit(2);
  open();
  await reader.until(isLast(5));
  t.same(reader.ids(), [1, 2, 3, 4, 5]);
});

t.test('whoever joins behind those who are live reads on until it is not', async (t) => {
  const store = createFakeStore();
  const hub = createHub(t, store);
  const live = createReader();
  hub.follow(live.sink, {}, 0);
  await live.until((frame) => frame.id === 0);
  let open: () => void = () => {};
  store.tailGate = new Promise((resolve) => {
    open = resolve;
  });
  const joining = createReader();
  hub.follow(joining.sink, {}, 0);
  await new Promise((resolve) => setImmediate(resolve));
  store.tailGate = Promise.resolve();
  store.commit(3);
  await live.until(isLast(3));
  open();
  store.commit(1);
  await joining.until(isLast(4));
  t.same(joining.ids(), [1, 2, 3, 4]);
});

t.test('whoever is live hears of events that went before they could be read', async (t) => {
  const store = createFakeStore();
  const hub = createHub(t, store, { pauseMs: 20, heartbeatMs: 5 });
  const reader = createReader();
  hub.follow(reader.sink, {}, 0);
  store.commit(1);
  await reader.until(isLast(1));
  store.commit(1);
  await reader.until(isLast(2));
  store.commit(3);
  store.forget(5);
  await reader.until(isLast(5));
  t.same(reader.ids(), [1, 2]);
  t.same(
    reader.frames.filter((frame) => frame.event === 'reset'),
    [{ event: 'reset', data: '{"head":5}' }],
  );
});

t.test('each filter keeps what it names, and the cursor goes on past the rest', async (t) => {
  const store = createFakeStore();
  const hub = createHub(t, store);
  const filters = [
    { user: 'bob' },
    { type: 'error' },
    { apps: ['shop'] },
    { session: 's_2' },
    { user: 'bob', apps: ['shop'] },
    { apps: ['nobody', 'shop'] },
    { apps: [] },
  ] as const;
  const readers = filters.map((filter) => {
    const reader = createReader();
    hub.follow(reader.sink, filter, 0);
    return reader;
  });
  store.commit(1, { user_id: 'bob' });
  store.commit(1, { type: 'error' });
  store.commit(1, { app: 'shop' });
  store.commit(1, { session_id: 's_2' });
  store.commit(1, { user_id: 'bob', app: 'shop' });
  store.commit(1);
  const latecomer = createReader();
  hub.follow(latecomer.sink, { user: 'nobody' }, 0);
  await latecomer.until(isLast(6));
  t.same(latecomer.frames, [{ id: 6 }], 'told where it is as it joins');
  await sleep(20);
  t.same(
    readers.map((reader) => reader.ids()),
    [[1, 5], [2], [3, 5], [4], [5], [3, 5], []],
  );
});

t.test('one read of the tail serves everybody, and many commits', async (t) => {
  const store = createFakeStore();
  const hub = createHub(t, store, { pauseMs: 50 });
  const readers = upTo(20).map(() => createReader());
  for (const { sink } of readers) hub.follow(sink, {}, 0);
  for (const reader of readers) await reader.until((frame) => frame.id === 0);
  const before = store.tailReads;
  for (let i = 0; i < 100; i++) store.commit(1);
  for (const { until } of readers) await until(isLast(100));
  t.ok(store.tailReads - before <= 2, `${store.tailReads - before} reads`);
});

t.test('nothing is read while nobody follows', async (t) => {
  const store = createFakeStore();
  const hub = createHub(t, store);
  store.commit(5);
  await sleep(10);
  t.equal(store.tailReads, 0);
  const reader = createReader();
  hub.follow(reader.sink, {}, 5);
  await reader.until(isLast(5));
  t.equal(hub.followers(), 1);
  reader.sink.destroy();
  await once(reader.sink, 'close');
  t.equal(hub.followers(), 0);
  const before = store.tailReads;
  store.commit(5);
  await sleep(10);
  t.equal(store.tailReads, before);
});

t.test('a frame with only an id tells where everybody is, again and again', async (t) => {
  const store = createFakeStore();
  const hub = createHub(t, store, { heartbeatMs: 5 });
  const reader = createReader();
  hub.follow(reader.sink, { user: 'nobody' }, 0);
  store.commit(3);
  await reader.until(isLast(3));
  store.commit(1);
  await reader.until(isLast(4));
  t.ok(reader.frames.every((frame) => frame.data === undefined));
});

t.test('an id that is no place in the log gets a reset, and then what comes', async (t) => {
  const store = createFakeStore();
  const hub = createHub(t, store);
  store.commit(10);
  store.forget(5);
  const below = createReader();
  const above = createReader();
  const atTheEdge = createReader();
  hub.follow(below.sink, {}, 2);
  hub.follow(above.sink, {}, 99);
  hub.follow(atTheEdge.sink, {}, 5);
  for (const reader of [below, above, atTheEdge]) await reader.until(isLast(10));
  store.commit(1);
  for (const reader of [below, above, atTheEdge]) await reader.until(isLast(11));
  t.same(below.frames[0], { event: 'reset', data: '{"head":10}' });
  t.same(below.ids(), upTo(11, 6));
  t.same(above.frames[0], { event: 'reset', data: '{"head":10}' });
  t.same(above.ids(), [11]);
  t.notOk(atTheEdge.frames.some((frame) => frame.event === 'reset'));
});

t.test('pretty-printed props stay within their frame', async (t) => {
  const store = createFakeStore();
  const hub = createHub(t, store);
  const reader = createReader();
  hub.follow(reader.sink, {}, 0);
  store.commit(1, { props: '{\r\n\n  "a": 1.0\n}' as JsonText });
  await reader.until((frame) => frame.data !== undefined);
  t.same(JSON.parse(reader.frames.find(({ data }) => data !== undefined)?.data ?? '').props, { a: 1 });
});

t.test('a reader that takes nothing', async (t) => {
  const stalled = () => new Writable({ highWaterMark: 1_000, decodeStrings: false, write: () => {} });
  const props = `{"pad":"${'x'.repeat(1_000)}"}` as JsonText;

  t.test('is dropped once too much waits for it, and holds nobody up', async (t) => {
    const store = createFakeStore();
    const hub = createHub(t, store);
    const sink = stalled();
    const reader = createReader();
    hub.follow(sink, {}, 0);
    hub.follow(reader.sink, {}, 0);
    await reader.until((frame) => frame.id === 0);
    const closed = once(sink, 'close');
    for (let i = 0; i < 50; i++) {
      store.commit(1, { props });
      await reader.until(isLast(i + 1));
      t.ok(sink.writableLength < 13_000, 'bounded');
    }
    await closed;
    t.equal(hub.followers(), 1);
    t.same(reader.ids(), upTo(50));
  });

  t.test('is dropped first when all together have too much waiting', async (t) => {
    const store = createFakeStore();
    const hub = createHub(t, store, { allBytesMax: 5_000 });
    const sinks = [0, 1, 2].map(
      () => new Writable({ highWaterMark: 100_000, decodeStrings: false, write: () => {} }),
    );
    for (const [index, sink] of sinks.entries()) hub.follow(sink, index === 2 ? { user: 'nobody' } : {}, 0);
    await sleep(20);
    // Too little for the bound of one.
    store.commit(4, { props });
    await Promise.race(sinks.map((sink) => once(sink, 'close')));
    await sleep(20);
    t.ok(sinks.reduce((sum, sink) => sum + (sink.destroyed ? 0 : sink.writableLength), 0) <= 5_000);
    t.equal(sinks[2]?.destroyed, false, 'whoever keeps up stays');
  });

  t.test('is waited for while it catches up, with one frame in hand', async (t) => {
    const store = createFakeStore();
    const hub = createHub(t, store);
    store.commit(500, { props });
    const sink = stalled();
    hub.follow(sink, {}, 0);
    await sleep(10);
    t.ok(sink.writableLength < 3_000, `${sink.writableLength} bytes`);
    t.equal(hub.followers(), 1);
    const reads = store.tailReads;
    store.commit(5);
    await sleep(10);
    t.equal(store.tailReads, reads, 'nothing more is read for it');
    sink.destroy();
  });
});

t.test('a store without time is waited for; one that cannot be read lets readers go', async (t) => {
  const store = createFakeStore();
  const hub = createHub(t, store);
  const live = createReader();
  hub.follow(live.sink, {}, 0);
  await live.until((frame) => frame.id === 0);
  for (const error of [new ReadsFull('full'), new ReadTimeout('late')]) {
    store.readError = error;
    store.commit(1);
    await sleep(50);
    t.equal(hub.followers(), 1);
    store.readError = undefined;
    await live.until(isLast(store.log.length));
  }
  store.readError = new Error('gone');
  const closed = once(live.sink, 'close');
  store.commit(1);
  await closed;
  const behind = createReader();
  hub.follow(behind.sink, {}, 0);
  await once(behind.sink, 'close');
  t.equal(hub.followers(), 0);
  store.readError = undefined;
  const back = createReader();
  hub.follow(back.sink, {}, 0);
  await back.until(isLast(3));
  t.same(back.ids(), [1, 2, 3]);
});

t.test('closing ends every stream, and whoever comes later', async (t) => {
  const store = createFakeStore();
  const hub = createHub(t, store);
  const readers = [createReader(), createReader()];
  for (const { sink } of readers) hub.follow(sink, {}, 0);
  const ended = readers.map(({ sink }) => once(sink, 'finish'));
  hub.close();
  await Promise.all(ended);
  const late = createReader();
  const refused = once(late.sink, 'finish');
  hub.follow(late.sink, {}, 0);
  await refused;
  t.equal(hub.followers(), 0);
});

t.test('a feed that no longer holds gets nothing more, and is closed even if it takes nothing', async (t) => {
  const store = createFakeStore();
  const hub = createStreamHub({ store, log });
  t.teardown(() => hub.close());
  let isHeld = true;
  const stuck = new Writable({ write() {} });
  hub.follow(stuck, {}, 0, () => isHeld);
  const kept = createReader();
  hub.follow(kept.sink, {}, 0);
  stuck.write('what it never takes');
  hub.review();
  t.equal(hub.followers(), 2);
  isHeld = false;
  hub.review();
  t.equal(hub.followers(), 1, 'it has no place any more');
  await once(stuck, 'close');
  const late = createReader();
  hub.follow(late.sink, {}, 0, () => isHeld);
  await once(late.sink, 'close');
  t.same(late.frames, [], 'nor does one open that was checked before the reload');
  t.notOk(kept.sink.destroyed);
});
