/** Replay chunks: their numbers, their way to the collector, what is kept of them, and when there are too many. */
import { mock } from 'node:test';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { pause } from '../../../sdk/src/backoff.js';
import { type Chunk, createChunker, createSeqs } from '../../../sdk/src/replay/chunk.js';
import { createLeftovers } from '../../../sdk/src/replay/leftovers.js';
import { createUploader } from '../../../sdk/src/replay/upload.js';
import type { Client } from '../../../sdk/src/seam.js';
import { browserStorage, eventually, settle } from './pages.js';

const START = Date.UTC(2026, 5, 14, 12);
const DAY_MS = 86_400_000;
const PREFIX = 'spyglass.replay.app ';

let local: ReturnType<typeof browserStorage>;
let tab: ReturnType<typeof browserStorage>;
let pageMs = 0;

t.beforeEach(() => {
  mock.timers.enable({ apis: ['Date', 'setTimeout'], now: START });
  mock.method(Math, 'random', () => 0);
  mock.method(performance, 'now', () => pageMs);
  local = browserStorage();
  tab = browserStorage();
  Object.assign(globalThis, { localStorage: local.storage, sessionStorage: tab.storage });
});
t.afterEach(() => {
  mock.timers.reset();
  mock.restoreAll();
});

interface Sent {
  at: number;
  seq: number;
  keepalive: boolean;
  json: string;
}

/** The uploader of a page whose collector answers in turn, and with 204 after the last; `'none'` is no answer. */
function page(...answers: (number | Response | 'none')[]) {
  const sent: Sent[] = [];
  const told: string[] = [];
  const state = { congested: false };
  const client = {
    options: { endpoint: 'https://collector.example', app: 'app', key: 'key' },
    congested: () => state.congested,
    pause,
    fetch: async (url: string, init: RequestInit) => {
      const answer = answers.shift() ?? 204;
      const seq = Number(new URL(url).searchParams.get('seq'));
      const json = gunzipSync(init.body as Uint8Array).toString();
      sent.push({ at: Date.now() - START, seq, keepalive: init.keepalive === true, json });
      if (answer === 'none') throw new TypeError('Failed to fetch');
      return typeof answer === 'number' ? new Response(null, { status: answer }) : answer;
    },
  } as unknown as Client;
  const uploader = createUploader(client, createLeftovers(PREFIX), {
    full: () => told.push('full'),
    idle: () => told.push('idle'),
    lost: ({ seq }) => told.push(`lost ${seq}`),
    refused: () => told.push('refused'),
  });
  const add = (seq: number, json = '[1]') => uploader.add(chunk(seq, json));
  const seqs = () => sent.map(({ seq }) => seq);
  return { uploader, add, sent, told, state, seqs };
}

/** As the collector itself refuses. */
const refusal = (status: number) =>
  new Response('{"type":"urn:spyglass:problem:invalid_chunk"}', {
    status,
    headers: { 'Content-Type': 'application/problem+json' },
  });
const chunk = (seq: number, json = '[1]', ts = Date.now()): Chunk => ({ session: 's', seq, ts, json });
const kept = () => [...local.entries.keys()].filter((key) => key.startsWith(PREFIX)).length;

/** Lets time pass until so much is sent; real time, for compressing takes some, and the page's own. */
async function passUntil(condition: () => boolean, stepMs = 500) {
  for (let step = 0; step < 2_000 && !condition(); step++) {
    pageMs += stepMs;
    mock.timers.tick(stepMs);
    await eventually(condition, 2);
  }
}

t.test('chunks go one after another, as they were recorded', async (t) => {
  const { add, sent, told, seqs } = page();
  for (const seq of [1, 2, 3]) add(seq, `["é ${seq}"]`);
  await eventually(() => told.includes('idle'));
  t.same(seqs(), [1, 2, 3]);
  t.same(
    sent.map(({ json }) => json),
    ['["é 1"]', '["é 2"]', '["é 3"]'],
  );
  t.equal(kept(), 0);
});

t.test(
  'a 503, a 429, a proxy’s 200 and no answer at all are tried again, ever later, in order',
  async (t) => {
    const { add, told, sent, seqs } = page(503, 'none', 429, 200, 502);
    for (const seq of [1, 2]) add(seq);
    await passUntil(() => told.includes('idle'));
    t.same(seqs(), [1, 1, 1, 1, 1, 1, 2]);
    const waits = sent.slice(1, 6).map(({ at }, place) => at - (sent[place]?.at ?? 0));
    t.same(waits, [500, 1_000, 2_000, 4_000, 8_000]);
  },
);

t.test(
  '`Retry-After` is waited for, by a page that goes away too; a date is no reason to hurry',
  async (t) => {
    const later = (after: string) => new Response(null, { status: 503, headers: { 'Retry-After': after } });
    const { add, told, sent, uploader } = page(later('7'), later('Wed, 21 Oct 2026 07:28:00 GMT'));
    add(1);
    await eventually(() => sent.length === 1);
    uploader.leave();
    await settle();
    t.equal(sent.length, 1);
    await passUntil(() => told.includes('idle'));
    const [first, second, third] = sent.map(({ at }) => at);
    t.equal((second ?? 0) - (first ?? 0), 7_000);
    t.equal((third ?? 0) - (second ?? 0), 1_000);
  },
);

t.test('while events wait, no chunk is sent', async (t) => {
  const { add, sent, state } = page();
  state.congested = true;
  add(1);
  await settle();
  mock.timers.tick(400);
  await settle();
  t.equal(sent.length, 0);
  state.congested = false;
  await passUntil(() => sent.length === 1);
  t.equal(sent.length, 1);
});

t.test('with 2 MB waiting the recorder is to rest; one large chunk alone is no reason', async (t) => {
  const { add, told, state } = page();
  state.congested = true;
  add(1, `["${'x'.repeat(5_000_000)}"]`);
  t.same(told, []);
  add(2);
  t.same(told, ['full']);
  const slow = page();
  slow.state.congested = true;
  for (let seq = 1; seq <= 8; seq++) slow.add(seq, `["${'x'.repeat(250_000)}"]`);
  t.same(slow.told, []);
  slow.add(9);
  t.same(slow.told, ['full']);
  slow.state.congested = false;
  await passUntil(() => slow.told.includes('idle'));
  t.same(slow.told, ['full', 'idle']);
});

t.test('what the collector will never take is given up, and told', async (t) => {
  const { add, told, seqs } = page(refusal(400), refusal(413));
  for (const seq of [1, 2, 3]) add(seq);
  await eventually(() => told.includes('idle'));
  t.same(seqs(), [1, 2, 3]);
  t.same(told, ['lost 1', 'lost 2', 'idle']);
});

t.test('a refusal that is not the collector’s costs no chunk, and ends nothing', async (t) => {
  for (const status of [400, 401, 403, 413]) {
    const { add, told, seqs } = page(...Array(6).fill(status));
    for (const seq of [1, 2]) add(seq);
    await passUntil(() => told.includes('idle'));
    t.same(seqs(), [1, 2, 2, 1, 1, 2, 2, 1]);
    t.same(told, ['idle']);
  }
});

t.test('a chunk that a proxy refuses for its size, again and again, is lost while others pass', async (t) => {
  const { add, told, seqs } = page(...Array(5).fill(413), 204, 413);
  add(1);
  await passUntil(() => seqs().length === 5);
  t.same(told, []);
  add(2);
  await passUntil(() => told.includes('idle'));
  t.same(seqs(), [1, 1, 1, 1, 1, 2, 1]);
  t.same(told, ['lost 1', 'idle']);
  t.equal(kept(), 0);
});

t.test('a wrong key ends it', async (t) => {
  for (const status of [401, 403]) {
    createLeftovers(PREFIX).keep([chunk(1)]);
    const { add, told, sent } = page(refusal(status));
    add(2);
    await eventually(() => told.length > 0);
    t.same(told, ['refused']);
    add(3);
    await settle();
    t.equal(sent.length, 1);
    t.equal(kept(), 0);
  }
});

t.test('what a page could not send the next one sends, under the same numbers', async (t) => {
  const first = page('none');
  for (const seq of [4, 5]) first.add(seq, `["of the first ${seq}"]`);
  await eventually(() => kept() === 2);
  // It crashes: nothing of it runs any more.
  first.uploader.stop();
  const next = page();
  next.uploader.start();
  await eventually(() => next.told.includes('idle'));
  t.same(next.sent.map(({ seq, json }) => [seq, json]).sort(), [
    [4, '["of the first 4"]'],
    [5, '["of the first 5"]'],
  ]);
  t.equal(kept(), 0);
});

t.test('a page that is left sends what fits by requests that outlive it, and keeps all', async (t) => {
  const { add, sent, uploader, state } = page();
  state.congested = true;
  add(1, `["${'x'.repeat(40_000)}"]`);
  add(2, `["${'y'.repeat(20_000)}"]`);
  add(3, '["z"]');
  uploader.leave();
  t.equal(kept(), 3);
  await settle();
  t.same(
    sent.map(({ seq, keepalive }) => [seq, keepalive]),
    [
      [2, true],
      [3, true],
    ],
  );
  t.equal(kept(), 1);
});

t.test('a megabyte is kept, for six days, and what is no chunk keeps none back', async (t) => {
  const leftovers = createLeftovers(PREFIX);
  leftovers.keep([1, 2, 3].map((seq) => chunk(seq, 'x'.repeat(400_000))));
  t.equal(kept(), 2);
  local.entries.set(`${PREFIX}s 0`, '{broken');
  local.entries.set(`${PREFIX}s 7`, 'null');
  local.entries.set(`${PREFIX}s 8`, JSON.stringify(chunk(8, '[8]', START - 7 * DAY_MS)));
  local.entries.set('cart', '[]');
  t.same(
    leftovers.all().map(({ seq }) => seq),
    [1, 2],
  );
  t.equal(local.entries.size, 3, 'the rest is cleared away, and the app’s own is not');
});

t.test('a storage that is full or denied is no error', async (t) => {
  Object.defineProperty(globalThis, 'localStorage', {
    configurable: true,
    get: () => {
      throw new Error('denied');
    },
  });
  const { add, told, uploader } = page('none');
  uploader.start();
  add(1);
  uploader.leave();
  await passUntil(() => told.includes('idle'));
  t.ok(told.includes('idle'));
  Object.defineProperty(globalThis, 'localStorage', { configurable: true, writable: true, value: undefined });
});

t.test(
  'numbers go on after a reload, beside a frame, and in a storage that the app has cleared',
  async (t) => {
    const page = createSeqs('seq ');
    const frame = createSeqs('seq ');
    t.same([page.next('a'), frame.next('b'), page.next('a'), frame.next('b')], [1, 1, 2, 2]);
    t.equal(createSeqs('seq ').next('a'), 3, 'a reload');
    t.equal(page.next('a'), 4, 'back again');
    tab.entries.clear();
    t.equal(page.next('a'), 5);
    tab.entries.clear();
    page.keep('a');
    t.equal(createSeqs('seq ').next('a'), 6);
  },
);

t.test('a chunk is cut every 10 s, and at 256 KB', async (t) => {
  const chunks: Chunk[] = [];
  const chunker = createChunker(
    () => 's',
    createSeqs('seq '),
    (chunk) => chunks.push(chunk),
  );
  chunker.add({ timestamp: 7 });
  mock.timers.tick(9_000);
  chunker.add({ timestamp: 9_000 });
  t.equal(chunks.length, 0);
  mock.timers.tick(1_000);
  t.same(chunks, [
    { session: 's', seq: 1, ts: 7, atMs: pageMs, json: '[{"timestamp":7},{"timestamp":9000}]' },
  ]);
  const large = { timestamp: 10_000, text: 'x'.repeat(100_000) };
  for (let at = 0; at < 3; at++) chunker.add(large);
  t.equal(chunks.length, 2);
  chunker.cut();
  t.equal(chunks.length, 2, 'nothing is no chunk');
});

t.test('a clock that is set begins another chunk, an even one does not', async (t) => {
  const chunks: Chunk[] = [];
  const chunker = createChunker(
    () => 's',
    createSeqs('seq '),
    (chunk) => chunks.push(chunk),
  );
  const at = (...times: number[]) => {
    for (const timestamp of times) chunker.add({ timestamp: START + timestamp });
  };
  const begins = () => chunks.map(({ ts }) => ts - START);
  at(0, 0, 9_000, 29_000);
  t.same(begins(), [], 'no step');
  at(28_999);
  t.same(begins(), [0], 'back by a millisecond');
  at(30_000, 30_000 - 600_000);
  t.same(begins(), [0, 28_999], 'back by minutes');
  at(-560_000, 40_000);
  t.same(begins(), [0, 28_999, -570_000], 'ahead');
  chunker.cut();
  t.same(
    chunks.map(({ seq, json }) => [seq, JSON.parse(json).length]),
    [
      [1, 4],
      [2, 2],
      [3, 2],
      [4, 1],
    ],
  );
});

t.test('a chunk is sent by the clock that gave it its time', async (t) => {
  const sentAts: number[] = [];
  const client = {
    options: { endpoint: 'https://collector.example', app: 'app', key: 'key' },
    congested: () => false,
    pause,
    fetch: async (url: string) => {
      sentAts.push(Number(new URL(url).searchParams.get('sent_at')) - START);
      return new Response(null, { status: 204 });
    },
  } as unknown as Client;
  const sentAt = async (chunk: Chunk): Promise<number | undefined> => {
    const nothing = () => {};
    const events = { full: nothing, idle: nothing, lost: nothing, refused: nothing };
    createUploader(client, createLeftovers(PREFIX), events).add(chunk);
    const count = sentAts.length;
    await eventually(() => sentAts.length > count);
    return sentAts.at(-1);
  };
  const now = 5_000;
  pageMs += now;
  const recorded = { ...chunk(1, '[1]', START), atMs: pageMs - now };
  mock.timers.setTime(START + now);
  t.equal(await sentAt(recorded), now);
  mock.timers.setTime(START + now - 600_000);
  t.equal(await sentAt(recorded), now, 'set back since');
  t.equal(
    await sentAt(chunk(2, '[1]', START)),
    now - 600_000,
    'of another page: only today’s clock is known',
  );
  mock.timers.setTime(START + now + DAY_MS);
  t.equal(await sentAt(recorded), now + DAY_MS, 'the device slept');
});
