/** `POST /v1/replay` from outside: which chunks are taken, which are refused, and whose they are. */
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { startCollector } from '../support/collector.js';
import { filesWith } from '../support/files.js';
import { apps, ask, DAY, event, get, HOUR, keyOf, NOON, problemOf, SECOND, store } from '../support/http.js';
import { chunk, chunkAt, manifest, manifestPath, postReplay, upload } from '../support/replay.js';
import type { SessionRow } from '../support/rows.js';

const CHUNK_BYTES = 2_000;
const ORIGIN = 'https://in.example';
const c = await startCollector({
  apps: { ...apps('inventory', 'shop'), closed: { key: keyOf('closed'), origins: [ORIGIN] } },
  limits: { chunk_bytes: CHUNK_BYTES },
});
t.teardown(() => c.close());

const KEY = keyOf('inventory');
const gzipMagic = (bytes: number) => Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.alloc(bytes - 2, 7)]);
const send = (query: string, body: Uint8Array = chunk(query), key: string | undefined = KEY, init = {}) =>
  postReplay(c.url, query, body, key, init);
const rowOf = async (session: string, app: string) =>
  (await get<{ sessions: SessionRow[] }>(c.url, `/v1/query/sessions?limit=500&app=${app}`)).sessions.find(
    (row) => row.session_id === session,
  );
const hasChunks = async (session: string, app = 'inventory') =>
  (await ask(c.url, manifestPath(session, app))).status === 200;

t.test('UPL-01 UPL-02 a chunk is stored and counted', async (t) => {
  await store(c.url, 'inventory', [event({ session_id: 's_abc' })]);
  t.equal((await rowOf('s_abc', 'inventory'))?.chunk_count, 0);
  const answer = await send(`session=s_abc&seq=1&ts=${NOON}&app=inventory`);
  t.equal(answer.status, 204);
  t.equal(answer.bytes.length, 0);
  t.equal((await rowOf('s_abc', 'inventory'))?.chunk_count, 1);
  t.equal((await send('session=s_abc&seq=2&ts=&app=inventory')).status, 204);
  t.equal((await rowOf('s_abc', 'inventory'))?.chunk_count, 2);
  const { chunks } = await manifest(c.url, 's_abc', 'inventory');
  t.match(chunks, [{ seq: 1, ts: NOON }, { seq: 2 }]);
});

t.test('UPL-03 UPL-05 a key that is missing, wrong or of another app is a 401', async (t) => {
  const withKey = async (key: string | undefined, app: string) =>
    problemOf(await postReplay(c.url, `session=keys&seq=1${app}`, chunk('x'), key), 401);
  for (const key of [undefined, '', 'x', `${KEY}x`, KEY.slice(1)]) {
    for (const app of ['', '&app=', '&app=inventory', '&app=nobody']) await withKey(key, app);
  }
  await withKey(keyOf('shop'), '&app=inventory');
  for (const stranger of ['nobody', '__proto__', 'toString']) await withKey(KEY, `&app=${stranger}`);
  for (const app of ['inventory', 'shop']) t.notOk(await hasChunks('keys', app));
});

t.test('UPL-04 without an app the key tells whose it is', async (t) => {
  for (const query of ['session=owned&seq=1', 'session=owned&seq=2&app=']) {
    t.equal((await send(query, chunk(query), keyOf('shop'))).status, 204);
  }
  t.notOk(await hasChunks('owned', 'inventory'));
  t.equal((await manifest(c.url, 'owned', 'shop')).chunks.length, 2);
});

t.test('UPL-06 an origin from outside is a 403', async (t) => {
  const from = (origin: string) =>
    send('session=origins&seq=1', chunk('x'), keyOf('closed'), { headers: { origin } });
  problemOf(await from('https://out.example'), 403);
  t.notOk(await hasChunks('origins', 'closed'));
  t.equal((await from(ORIGIN)).status, 204);
});

t.test('UPL-07 a chunk of exactly the limit is taken, one byte more is a 413', async (t) => {
  for (const transfer of [{}, { transfer: 'chunked' }]) {
    t.equal((await send('session=exact&seq=1', gzipMagic(CHUNK_BYTES), KEY, transfer)).status, 204);
    problemOf(await send('session=over&seq=1', gzipMagic(CHUNK_BYTES + 1), KEY, transfer), 413);
    problemOf(await send('session=over&seq=1', gzipMagic(CHUNK_BYTES * 400), KEY, transfer), 413);
  }
  t.notOk(await hasChunks('over'));
});

t.test('UPL-08 the limit is 8 MiB by default', async (t) => {
  const plain = await startCollector({ apps: apps('inventory') });
  t.teardown(() => plain.close());
  await upload(plain.url, { app: 'inventory', session: 's', seq: 1 }, gzipMagic(8_388_608));
  problemOf(await postReplay(plain.url, 'session=s&seq=2', gzipMagic(8_388_609), KEY), 413);
});

t.test('UPL-09 a clock that is off shifts the time of a chunk', async (t) => {
  const timeOf = async (query: string) => {
    const before = Date.now();
    t.equal((await send(`session=clock&seq=1&${query}`)).status, 204);
    const [row] = (await manifest(c.url, 'clock', 'inventory')).chunks;
    return { ts: row?.ts, before, after: Date.now() };
  };
  const isNow = ({ ts = 0, before, after }: Awaited<ReturnType<typeof timeOf>>, off = 0) =>
    ts - off >= before && ts - off <= after;
  for (const off of [-DAY, DAY]) {
    const sent = Date.now() + off;
    t.ok(isNow(await timeOf(`ts=${sent - 5 * SECOND}&sent_at=${sent}`), -5 * SECOND));
  }
  const now = Date.now();
  t.equal((await timeOf(`ts=${now - 9}&sent_at=${now + 30 * SECOND}`)).ts, now - 9);
  for (const ts of [now + 2 * HOUR, Math.floor(now / 1_000), 2 ** 48 - 1]) {
    t.equal((await timeOf(`ts=${ts}&sent_at=${now}`)).ts, undefined, 'one that cannot be is left out');
    t.equal((await timeOf(`ts=${ts}`)).ts, undefined);
  }
  t.equal((await timeOf(`ts=${now - 400 * DAY}&sent_at=`)).ts, now - 400 * DAY);
  for (const sent_at of ['abc', '-1', '1.5', String(2 ** 48)]) {
    const { errors, detail } = problemOf(await send(`session=clock&seq=1&ts=1&sent_at=${sent_at}`), 400);
    t.match(JSON.stringify([detail, errors]), 'sent_at');
  }
});

t.test(
  'UPL-10 UPL-11 bytes are kept as they are, whatever the headers say and whatever follows the magic',
  async (t) => {
    const bodies = [
      chunk('déjà vu'),
      gzipMagic(500),
      Buffer.from([0x1f, 0x8b, 0x08]),
      chunk('a'.repeat(100_000)),
    ];
    for (const [at, bytes] of bodies.entries()) {
      for (const headers of [{}, { 'content-encoding': 'gzip' }]) {
        t.equal((await send(`session=bytes${at}&seq=1`, bytes, KEY, { headers })).status, 204);
        const [row] = (await manifest(c.url, `bytes${at}`, 'inventory')).chunks;
        t.ok((await chunkAt(c.url, row?.path ?? '')).equals(bytes));
      }
    }
  },
);

t.test('UPL-12 what is no gzip is refused', async (t) => {
  const bodies = ['', '{}', 'PK\u0003\u0004', ' \u001f\u008b'].map((text) => Buffer.from(text, 'latin1'));
  for (const bytes of [...bodies, Buffer.from([0x1f]), Buffer.from([0x8b, 0x1f]), Buffer.alloc(100)]) {
    for (const headers of [{}, { 'content-encoding': 'gzip' }]) {
      problemOf(await send('session=magic&seq=1', bytes, KEY, { headers }), 400);
    }
  }
  problemOf(
    await ask(c.url, '/v1/replay?session=magic&seq=1', {
      method: 'POST',
      headers: { 'x-spyglass-key': KEY },
    }),
    400,
  );
  t.notOk(await hasChunks('magic'));
});

t.test('UPL-13 UPL-14 UPL-15 parameters that are none are refused, and named', async (t) => {
  const illegal: [string, string[]][] = [
    [
      'session',
      [
        '',
        'session=',
        'session=.',
        'session=..',
        'session=a%00b',
        'session=a%0ab',
        'session=a%7f',
        `session=${'a'.repeat(129)}`,
        'session=a&session=a',
      ],
    ],
    [
      'seq',
      [
        '',
        'seq=',
        'seq=0',
        'seq=-1',
        'seq=1.5',
        'seq=abc',
        'seq=1000001',
        'seq=1e3',
        'seq=0x1',
        'seq=%201',
        'seq=1&seq=1',
        'seq=99999999999999999999',
      ],
    ],
    ['ts', ['ts=abc', 'ts=-1', 'ts=1.5', `ts=${2 ** 48}`, 'ts=1&ts=1', 'ts=NaN']],
    ['app', ['app=inventory&app=inventory']],
  ];
  const good = { session: 'session=params', seq: 'seq=1', ts: 'ts=1', app: 'app=inventory' };
  for (const [name, values] of illegal) {
    for (const value of values) {
      const query = Object.values({ ...good, [name]: value }).join('&');
      const { errors, detail } = problemOf(await send(query), 400);
      t.match(JSON.stringify([detail, errors]), name, `${query} is refused and ${name} named`);
    }
  }
  t.notOk(await hasChunks('params'));
  for (const seq of [1, 1_000_000]) t.equal((await send(`session=params&seq=${seq}`)).status, 204);
});

t.test('UPL-20 a body cut short leaves nothing', async (t) => {
  const bytes = gzipMagic(1_000);
  const socket = connect(Number(new URL(c.url).port), '127.0.0.1');
  const head = [
    'POST /v1/replay?session=cut&seq=1 HTTP/1.1',
    'Host: localhost',
    `X-Spyglass-Key: ${KEY}`,
    'Content-Type: application/octet-stream',
    `Content-Length: ${bytes.length}`,
  ];
  socket.write(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes.subarray(0, 900)]));
  await delay(50); // for the bytes to arrive: nothing tells when they have
  socket.destroy();
  await store(c.url, 'inventory', [event({ session_id: 'cut' })]);
  t.notOk(await hasChunks('cut'));
  t.equal((await rowOf('cut', 'inventory'))?.chunk_count, 0);
  t.same(await filesWith(c.dataDir, bytes.subarray(0, 900)), []);
});

t.test('UPL-21 UPL-22 chunks come in any order, and before the first event', async (t) => {
  for (const seq of [3, 1, 1_000_000, 2]) await upload(c.url, { app: 'inventory', session: 'early', seq });
  t.equal(await rowOf('early', 'inventory'), undefined, 'not listed before its first event');
  t.same(
    (await manifest(c.url, 'early')).chunks.map((row) => row.seq),
    [1, 2, 3, 1_000_000],
  );
  await store(c.url, 'inventory', [event({ session_id: 'early' })]);
  t.equal((await rowOf('early', 'inventory'))?.chunk_count, 4);
});

t.test('UPL-16 the same seq again replaces the chunk', async (t) => {
  await store(c.url, 'inventory', [event({ session_id: 'again' })]);
  await upload(c.url, { app: 'inventory', session: 'again', seq: 1, ts: NOON }, chunk('first'));
  await upload(c.url, { app: 'inventory', session: 'again', seq: 1, ts: NOON + 5 }, chunk('second'));
  const { chunks } = await manifest(c.url, 'again');
  t.match(chunks, [{ seq: 1, ts: NOON + 5 }]);
  t.equal(chunks.length, 1);
  t.ok((await chunkAt(c.url, chunks[0]?.path ?? '')).equals(chunk('second')));
  t.equal((await rowOf('again', 'inventory'))?.chunk_count, 1);
  const both = [chunk('third'), chunk('fourth')];
  await Promise.all(
    both.map((bytes) => upload(c.url, { app: 'inventory', session: 'again', seq: 1 }, bytes)),
  );
  const raced = await chunkAt(c.url, (await manifest(c.url, 'again')).chunks[0]?.path ?? '');
  t.ok(
    both.some((bytes) => bytes.equals(raced)),
    'of two at once one is whole',
  );
  t.equal((await rowOf('again', 'inventory'))?.chunk_count, 1);
});

t.test('UPL-26 the same id under two apps is two sessions', async (t) => {
  for (const app of ['inventory', 'shop'])
    await store(c.url, app, [event({ session_id: 'twin', user_id: app })]);
  const bytes = await upload(c.url, { app: 'inventory', session: 'twin', seq: 1 });
  const counts = async () => [
    (await rowOf('twin', 'inventory'))?.chunk_count,
    (await rowOf('twin', 'shop'))?.chunk_count,
  ];
  t.same(await counts(), [1, 0]);
  t.notOk(await hasChunks('twin', 'shop'));
  await upload(c.url, { app: 'shop', session: 'twin', seq: 1 });
  await upload(c.url, { app: 'shop', session: 'twin', seq: 2 });
  t.same(await counts(), [1, 2]);
  const [row] = (await manifest(c.url, 'twin', 'inventory')).chunks;
  t.ok((await chunkAt(c.url, row?.path ?? '')).equals(bytes), 'the chunk of the other app is its own');
});
