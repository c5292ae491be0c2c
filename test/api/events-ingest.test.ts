/** `POST /v1/events` from outside: which bodies are taken, which are refused, and what a 204 means. */
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { spawnCollector, startCollector } from '../support/collector.js';
import { apps, event, get, keyOf, NOON, postEvents, problemOf, store } from '../support/http.js';
import type { EventRow, EventsAnswer, SessionRow, UserRow } from '../support/rows.js';

const BODY_BYTES = 20_000;
const c = await startCollector({
  apps: { ...apps('inventory', 'shop'), closed: { key: keyOf('closed'), origins: ['https://in.example'] } },
  limits: { body_bytes: BODY_BYTES },
});
t.teardown(() => c.close());

const listed = async (query: string) => (await get<EventsAnswer>(c.url, `/v1/query/events?${query}`)).events;
const head = async () => (await get<EventsAnswer>(c.url, '/v1/query/events?limit=1')).head;
const body = (events: readonly unknown[], over: object = {}) => ({
  app: 'inventory',
  key: keyOf('inventory'),
  events,
  ...over,
});

/** Sends one event and returns it as stored; its user is its own, so that it is the only one of that user. */
let users = 0;
async function stored(over: object): Promise<EventRow> {
  const user_id = `single_${++users}`;
  await store(c.url, 'inventory', [event({ user_id, ...over })]);
  const [row, ...others] = await listed(`user=${user_id}`);
  if (!row || others.length > 0) throw new Error(`${others.length} more rows`);
  return row;
}

/** Sends a body that must be a 400 and must not have been stored in any part; returns the problem. */
async function refused(raw: unknown) {
  const before = await head();
  const problem = problemOf(await postEvents(c.url, raw), 400);
  if ((await head()) !== before) throw new Error('a refused body was stored');
  return problem;
}
const refusedEvent = (over: object) => refused(body([event(over)]));

/** The text of a body whose one event has `props` as written, digit for digit. */
const withProps = (props: string, user_id = 'raw') =>
  JSON.stringify(body([event({ user_id, props: '@' })])).replace('"@"', () => props);

t.test('ING-01 ING-02 the example of the reference is taken', async (t) => {
  const example = {
    app: 'inventory',
    key: keyOf('inventory'),
    events: [
      {
        ts: 1718200000000,
        app: 'inventory',
        user_id: 'example',
        session_id: 's_abc',
        type: 'event',
        name: 'invoice_created',
        url: '/invoices/new',
        props: { amount: 1200 },
      },
    ],
  };
  const answer = await postEvents(c.url, example);
  t.equal(answer.status, 204);
  t.equal(answer.bytes.length, 0);
  const [row] = await listed('user=example');
  t.match(row, example.events[0] ?? {});

  const { key, ...keyless } = example;
  const inHeader = await postEvents(c.url, keyless, {
    headers: { 'x-spyglass-key': key, authorization: `Bearer ${key}` },
  });
  t.equal(inHeader.status, 400, 'a key in a header is no key in the body');
});

t.test('ING-03 whatever the Content-Type says, the body is JSON', async (t) => {
  const types = [
    undefined,
    'application/json',
    'text/plain;charset=UTF-8',
    'application/octet-stream',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
    'application/json; charset=utf-16',
    'nonsense',
    ';;;',
    '',
  ];
  for (const type of types) {
    const headers = type === undefined ? {} : { 'content-type': type };
    const answer = await postEvents(c.url, body([event({ user_id: 'typed' })]), { headers });
    t.equal(answer.status, 204, `Content-Type: ${type} ${answer.text}`);
  }
  for (const encode of [(text: string) => Buffer.from(text), gzipSync]) {
    const marked = encode(`\ufeff${JSON.stringify(body([event({ user_id: 'typed' })]))}`);
    const headers = encode === gzipSync ? { 'content-encoding': 'gzip' } : {};
    t.equal((await postEvents(c.url, marked, { headers })).status, 204, 'a byte order mark is skipped');
  }
  t.equal((await listed('user=typed')).length, types.length + 2);
});

t.test('ING-04 a gzipped body is read', async (t) => {
  const zipped = gzipSync(JSON.stringify(body([event({ user_id: 'zipped' })])));
  for (const encoding of ['gzip', 'GZIP']) {
    const answer = await postEvents(c.url, zipped, { headers: { 'content-encoding': encoding } });
    t.equal(answer.status, 204, answer.text);
  }
  t.equal((await listed('user=zipped')).length, 2);
  const broken = { headers: { 'content-encoding': 'gzip' } };
  problemOf(await postEvents(c.url, body([]), broken), 400);
  problemOf(await postEvents(c.url, zipped.subarray(0, zipped.length - 9), broken), 400);
});

/** A body of one event, padded to exactly `bytes`. */
function sized(bytes: number, user_id: string): string {
  const bare = JSON.stringify(body([event({ user_id, props: { pad: '' } })]));
  return bare.replace('"pad":""', `"pad":"${'x'.repeat(bytes - bare.length)}"`);
}

t.test('ING-05 a body of exactly the limit is taken, one byte more is a 413', async (t) => {
  for (const transfer of [{}, { transfer: 'chunked' } as const]) {
    t.equal((await postEvents(c.url, sized(BODY_BYTES, 'exact'), transfer)).status, 204);
    problemOf(await postEvents(c.url, sized(BODY_BYTES + 1, 'over'), transfer), 413);
    problemOf(await postEvents(c.url, sized(BODY_BYTES * 40, 'over'), transfer), 413);
  }
  t.equal((await listed('user=exact')).length, 2);
  t.equal((await listed('user=over')).length, 0);
});

t.test('ING-06 the limit is measured after decompression too', async (t) => {
  const headers = { 'content-encoding': 'gzip' };
  t.equal((await postEvents(c.url, gzipSync(sized(BODY_BYTES, 'inflated')), { headers })).status, 204);
  problemOf(await postEvents(c.url, gzipSync(sized(BODY_BYTES + 1, 'bomb')), { headers }), 413);
  problemOf(await postEvents(c.url, gzipSync(Buffer.alloc(50_000_000)), { headers }), 413);
  t.equal((await listed('user=bomb')).length, 0);
});

t.test('ING-07 the limit is 1 MiB by default', async (t) => {
  const plain = await startCollector({ apps: apps('inventory') });
  t.teardown(() => plain.close());
  t.equal((await postEvents(plain.url, sized(1_048_576, 'big'))).status, 204);
  problemOf(await postEvents(plain.url, sized(1_048_577, 'big')), 413);
});

t.test('ING-08 a body that is not JSON is refused', async () => {
  const good = JSON.stringify(body([event()]));
  for (const raw of [
    '',
    ' ',
    '{',
    'hello',
    good.slice(0, -1),
    `${good}x`,
    `${good}${good}`,
    good.replaceAll('"', "'"),
  ]) {
    await refused(raw);
  }
  const bytes = Buffer.from(JSON.stringify(body([event({ name: 'caf?' })])));
  bytes[bytes.indexOf('?')] = 0xe9; // Latin-1, which is no UTF-8 and so no JSON
  await refused(bytes);
});

t.test('ING-09 64 levels are taken, 65 are not', async (t) => {
  const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
  // The body, `events`, the event and `props` are four levels.
  const deep = (levels: number, user: string) => withProps(`{"a":${nested(levels - 4)}}`, user);
  t.equal((await postEvents(c.url, deep(64, 'deep'))).status, 204);
  await refused(deep(65, 'deeper'));
  await refused(deep(6_000, 'deeper'));
  await refused('['.repeat(BODY_BYTES));
  const brackets = JSON.stringify({ text: `"\\"${'[{'.repeat(100)}` });
  t.equal((await postEvents(c.url, withProps(brackets, 'deep'))).status, 204, 'brackets in a string');
  t.equal((await listed('user=deep')).length, 2);
});

t.test('ING-10 an envelope lacking a part is refused', async () => {
  const { app, key, events } = body([event()]);
  const envelopes = [
    null,
    true,
    5,
    'text',
    [],
    [event()],
    {},
    { key, events },
    { app, events },
    { app, key },
    { app: 5, key, events },
    { app, key: 5, events },
    { app: null, key, events },
    { app, key: null, events },
    { app: [app], key, events },
    { app, key: { key }, events },
    { app, key, events: null },
    { app, key, events: {} },
    { app, key, events: 'x' },
    { app, key, events: event() },
  ];
  for (const envelope of envelopes) await refused(JSON.stringify(envelope));
});

t.test('ING-11 an unknown app or a wrong key is a 401', async (t) => {
  const before = await head();
  const strangers = [
    'nobody',
    '',
    'Inventory',
    'inventory ',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
  ];
  for (const app of strangers) {
    for (const key of [keyOf('inventory'), '', 'undefined']) {
      problemOf(await postEvents(c.url, JSON.stringify({ app, key, events: [event()] })), 401);
    }
  }
  const key = keyOf('inventory');
  for (const wrong of ['', 'x', `${key}x`, key.slice(0, -1), key.toUpperCase(), `${key} `, keyOf('shop')]) {
    problemOf(await postEvents(c.url, body([event()], { key: wrong })), 401);
  }
  t.equal(await head(), before);
});

t.test('ING-12 ING-13 an origin not on the list is a 403, an empty list allows all', async (t) => {
  const send = (app: string, origin: string) =>
    postEvents(
      c.url,
      { app, key: keyOf(app), events: [event({ user_id: `from_${app}` })] },
      { headers: { origin } },
    );
  t.equal((await send('closed', 'https://in.example')).status, 204);
  const others = [
    'https://out.example',
    'http://in.example',
    'https://in.example:444',
    'https://in.example.evil.example',
    'null',
  ];
  for (const origin of others) problemOf(await send('closed', origin), 403);
  t.equal((await listed('user=from_closed')).length, 1);
  for (const origin of others) t.equal((await send('inventory', origin)).status, 204);
  const none = await postEvents(c.url, { app: 'closed', key: keyOf('closed'), events: [] });
  t.equal(none.status, 204, 'a request without Origin comes from no browser');
});

t.test('ING-14 an empty batch is a 204', async (t) => {
  const before = await head();
  t.equal((await postEvents(c.url, body([]))).status, 204);
  t.equal(await head(), before);
});

t.test('ING-15 one invalid event refuses the whole batch', async (t) => {
  for (const place of [0, 1, 2]) {
    const events: object[] = [0, 1, 2].map((i) => event({ user_id: 'whole', name: `n${i}` }));
    events[place] = event({ user_id: 'whole', type: 'foo' });
    await refused(body(events));
  }
  t.equal((await listed('user=whole')).length, 0);
});

t.test('ING-16 what a 204 answered is there after a kill, in every view', async (t) => {
  const child = await spawnCollector({ apps: apps('inventory') });
  t.teardown(() => child.close());
  for (let i = 1; i <= 5; i++) await store(child.url, 'inventory', [event({ user_id: 'u', name: `n${i}` })]);
  await child.kill();
  await child.restart();
  const { events } = await get<EventsAnswer>(child.url, '/v1/query/events');
  t.same(
    events.map((row) => row.name),
    ['n5', 'n4', 'n3', 'n2', 'n1'],
  );
  const { sessions } = await get<{ sessions: SessionRow[] }>(child.url, '/v1/query/sessions');
  t.match(sessions, [{ session_id: 's_1', event_count: 5 }]);
  const { users } = await get<{ users: UserRow[] }>(child.url, '/v1/query/users');
  t.match(users, [{ user_id: 'u', session_count: 1 }]);
  const funnel = await get(child.url, '/v1/query/funnel?steps=n1,n5');
  t.same(funnel, {
    steps: [
      { name: 'n1', count: 1 },
      { name: 'n5', count: 1 },
    ],
  });
  const top = await get<{ dau: unknown }>(child.url, '/v1/query/aggregates');
  t.same(top.dau, [{ day: '2026-06-14', count: 1 }]);
});

t.test('ING-33 ING-34 ING-35 ids grow by one in the order of arrival and of the array', async (t) => {
  const first = (await head()) + 1;
  const shuffled = [3, 1, 2, 5, 4].map((n) =>
    event({
      ts: NOON + n * 90_000_000,
      user_id: `order${n % 2}`,
      session_id: `s${n % 3}`,
      name: `n${n}`,
      url: '/ids',
    }),
  );
  await store(c.url, 'inventory', shuffled);
  await refusedEvent({ type: 'foo' });
  await store(c.url, 'shop', [event({ name: 'next', ts: Date.UTC(2000, 0) })]);
  await store(c.url, 'inventory', []);
  const named = async () =>
    (await listed('limit=500')).filter((row) => row.id >= first).sort((a, b) => a.id - b.id);
  t.same(
    (await named()).map((row) => row.name),
    ['n3', 'n1', 'n2', 'n5', 'n4', 'next'],
  );
  t.same(
    (await named()).map((row) => row.id),
    [0, 1, 2, 3, 4, 5].map((n) => first + n),
  );
  await c.restart();
  t.equal((await stored({})).id, first + 6, 'after a restart too');

  const fresh = await startCollector({ apps: apps('inventory') });
  t.teardown(() => fresh.close());
  await store(fresh.url, 'inventory', [event()]);
  const { events } = await get<EventsAnswer>(fresh.url, '/v1/query/events');
  t.ok((events[0]?.id ?? 0) > 0, 'the first id is positive');
});

t.test('ING-36 a batch id has 8 to 64 characters', async (t) => {
  for (const batch_id of ['a'.repeat(8), 'b'.repeat(64)]) {
    t.equal((await postEvents(c.url, body([event()], { batch_id }))).status, 204);
  }
  for (const batch_id of ['', 'a'.repeat(7), 'a'.repeat(65), 12345678, {}, ['a'.repeat(9)], true]) {
    await refused(body([event()], { batch_id }));
  }
});
