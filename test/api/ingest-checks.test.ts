/** The order in which `POST /v1/events` checks a request: of two faults at once, the earlier check answers. */
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { QUEUE_BYTES_MAX } from '../../src/domain/limits.js';
import { startCollector } from '../support/collector.js';
import {
  type Answer,
  apps,
  event,
  get,
  keyOf,
  MINUTE,
  postEvents,
  problemOf,
  store,
  withResolvers,
} from '../support/http.js';
import type { EventsAnswer } from '../support/rows.js';

const ORIGIN = 'https://in.example';
const OUTSIDE = { headers: { origin: 'https://out.example' } };
const invalid = event({ type: 'foo' });

const c = await startCollector({
  apps: { ...apps('inventory'), closed: { key: keyOf('closed'), origins: [ORIGIN] } },
  limits: { body_bytes: 20_000 },
});
t.teardown(() => c.close());

const envelope = (app: string, events: readonly object[], over: object = {}) => ({
  app,
  key: keyOf(app),
  events,
  ...over,
});

t.test('CHK-01 a body too large is a 413, whatever else is wrong with it', async () => {
  const large = 'x'.repeat(20_001);
  problemOf(await postEvents(c.url, large), 413);
  problemOf(await postEvents(c.url, envelope('nobody', [event({ props: { large } })])), 413);
  problemOf(await postEvents(c.url, envelope('closed', [{ ...invalid, url: large }]), OUTSIDE), 413);
});

t.test('CHK-02 a body that is no batch is a 400', async () => {
  const { key } = envelope('inventory', []);
  const deep = `${'['.repeat(70)}${']'.repeat(70)}`;
  problemOf(await postEvents(c.url, `{"app":"inventory","key":"${key}","events":${deep}}`), 400);
  problemOf(await postEvents(c.url, { app: 'inventory', key, events: null }), 400);
  problemOf(await postEvents(c.url, `{"app":"inventory","key":"${key}","events":[}`, OUTSIDE), 400);
  for (const body of ['', '{', '[]', 'null', '{"app":"inventory"}', '{"app":1,"key":2,"events":[]}'])
    problemOf(await postEvents(c.url, body), 400);
});

t.test('CHK-13 an app and key in the first 4 KiB that do not fit are a 401, whatever follows', async () => {
  const heads = [
    '"app":"inventory","key":"wrong"',
    '"key":"wrong", "\\u0061pp" : "inventory"',
    '"app":"x","key":""',
  ];
  const tails = ['', '}', ',"events":[}', `,"events":${'['.repeat(10_000)}`, ',"events":null}', '\u0000'];
  for (const head of heads) {
    for (const tail of tails) {
      problemOf(await postEvents(c.url, `{${head}${tail}`), 401);
      const gzip = gzipSync(`{${head}${tail}`);
      for (const body of [
        gzip,
        gzip.subarray(0, -9),
        gzipSync(`{${head},"x":"${'x'.repeat(30_000)}"${tail}`),
      ])
        problemOf(await postEvents(c.url, body, { headers: { 'content-encoding': 'gzip' } }), 401);
    }
  }
});

t.test('CHK-14 app and key may stand behind events, however long these are', async (t) => {
  const long = Array.from({ length: 50 }, () => event({ user_id: 'late', props: { app: 'no', key: 'no' } }));
  const gzip = { headers: { 'content-encoding': 'gzip' } };
  const { key } = envelope('inventory', []);
  for (const [status, last] of [
    [204, { app: 'inventory', key }],
    [401, { app: 'inventory', key: 'wrong' }],
    [400, { app: 'inventory' }],
  ] as const) {
    const body = JSON.stringify({ events: long, ...last });
    t.equal((await postEvents(c.url, body)).status, status);
    t.equal((await postEvents(c.url, gzipSync(body), gzip)).status, status);
  }
  const { events } = await get<EventsAnswer>(c.url, '/v1/query/events?user=late&limit=500');
  t.equal(events.length, 100);
});

t.test('CHK-15 of two members of one name the last counts, wherever they stand', async (t) => {
  const { key } = envelope('inventory', []);
  const events = `"events":[${JSON.stringify(event({ props: { long: 'x'.repeat(5_000) } }))}]`;
  const good = `"app":"inventory","key":"${key}"`;
  t.equal((await postEvents(c.url, `{"key":"wrong",${good},${events}}`)).status, 204);
  t.equal((await postEvents(c.url, `{${good},"key":"wrong",${events}}`)).status, 401);
  t.equal((await postEvents(c.url, `{${good},${events},"key":"wrong"}`)).status, 401);
  t.equal((await postEvents(c.url, `{${good},${events},"app":"closed"}`)).status, 401);
  t.equal((await postEvents(c.url, `{"app":"closed",${events},${good}}`)).status, 204);
  t.equal((await postEvents(c.url, `{${events},"key":"wrong",${good}}`)).status, 204);
  t.equal((await postEvents(c.url, `{${events},${good},"key":5}`)).status, 400);
});

t.test('CHK-03 a wrong key is a 401, whatever the origin and the events', async () => {
  problemOf(await postEvents(c.url, envelope('closed', [invalid], { key: 'wrong' }), OUTSIDE), 401);
  problemOf(await postEvents(c.url, envelope('nobody', [invalid]), OUTSIDE), 401);
});

t.test('an origin from outside is a 403, whatever the events', async () => {
  problemOf(await postEvents(c.url, envelope('closed', [invalid]), OUTSIDE), 403);
});

t.test('with a limit of ten events a minute', async (t) => {
  const wall = Date.now;
  let ahead = 0;
  t.intercept(Date, 'now', { value: () => wall() + ahead });
  const limited = await startCollector({
    apps: {
      ...apps('single', 'batch', 'empty', 'other', 'order', 'slow'),
      closed: { key: keyOf('closed'), origins: [ORIGIN] },
    },
    limits: { events_per_minute: 10 },
  });
  t.teardown(() => limited.close());
  const send = (app: string, count: number, init = {}) =>
    postEvents(
      limited.url,
      envelope(
        app,
        Array.from({ length: count }, () => event({ user_id: app })),
      ),
      init,
    );
  const countOf = async (app: string) =>
    (await get<EventsAnswer>(limited.url, `/v1/query/events?app=${app}`)).events.length;
  const assertLimited = (t: Test, answer: Answer) => {
    problemOf(answer, 429);
    const wait = Number(answer.headers['retry-after']);
    t.ok(Number.isInteger(wait) && wait >= 1 && wait <= 60, `Retry-After: ${answer.headers['retry-after']}`);
  };

  t.test('CHK-07 CHK-08 the eleventh event is refused, in eleven requests or in two', async (t) => {
    for (let i = 0; i < 10; i++) t.equal((await send('single', 1)).status, 204);
    assertLimited(t, await send('single', 1));
    t.equal((await send('batch', 6)).status, 204);
    assertLimited(t, await send('batch', 6));
    t.equal(await countOf('single'), 10);
    t.equal(await countOf('batch'), 6);
  });

  t.test('CHK-08 a batch without events counts as one', async (t) => {
    for (let i = 0; i < 10; i++) t.equal((await send('empty', 0)).status, 204);
    assertLimited(t, await send('empty', 0));
  });

  t.test('CHK-09 another app goes on', async (t) => {
    assertLimited(t, await send('single', 1));
    t.equal((await send('other', 10)).status, 204);
  });

  t.test('CHK-04 an origin from outside is a 403, over the limit too', async (t) => {
    const inside = { headers: { origin: ORIGIN } };
    t.equal((await send('closed', 10, inside)).status, 204);
    assertLimited(t, await send('closed', 1, inside));
    problemOf(await send('closed', 1, OUTSIDE), 403);
    problemOf(await postEvents(limited.url, envelope('closed', [event()], { key: 'wrong' })), 401);
  });

  t.test('CHK-05 over the limit, an invalid event is a 429', async (t) => {
    t.equal((await send('order', 10)).status, 204);
    assertLimited(t, await postEvents(limited.url, envelope('order', [invalid])));
  });

  t.test('CHK-10 a minute later the app may send again', async (t) => {
    t.equal((await send('slow', 10)).status, 204);
    assertLimited(t, await send('slow', 1));
    ahead = MINUTE + 1;
    t.equal((await send('slow', 10)).status, 204);
    assertLimited(t, await send('slow', 1));
  });
});

t.test('CHK-11 a limit of 0 is none', async (t) => {
  const events = Array.from({ length: 100 }, () => event({ user_id: 'many' }));
  for (let i = 0; i < 30; i++) t.equal((await postEvents(c.url, envelope('inventory', events))).status, 204);
});

t.test('CHK-12 CHK-06 a full write queue is a 503, or another refusal where one is due', async (t) => {
  const full = await startCollector({
    apps: { ...apps('inventory', 'spent'), closed: { key: keyOf('closed'), origins: [ORIGIN] } },
    limits: { body_bytes: QUEUE_BYTES_MAX, events_per_minute: 5_000 },
  });
  t.teardown(() => full.close());
  const many = (count: number) => Array.from({ length: count }, () => event());
  await store(full.url, 'spent', many(5_000));
  const short = JSON.stringify(envelope('inventory', many(10)));
  const big = Buffer.from(short + ' '.repeat(QUEUE_BYTES_MAX - short.length));
  const round = () =>
    Promise.all([
      postEvents(full.url, envelope('inventory', [])),
      postEvents(full.url, envelope('inventory', [invalid])),
      postEvents(full.url, envelope('spent', [event()])),
      postEvents(full.url, envelope('closed', [invalid]), OUTSIDE),
      postEvents(full.url, envelope('inventory', [invalid], { key: 'wrong' })),
      postEvents(full.url, '{'),
    ]);

  // One body as large as the queue fills it. It may come a moment after a small one, and is refused itself then.
  const refused: Answer[] = [];
  let expected = 5_000;
  for (let attempt = 0; attempt < 20 && refused.length === 0; attempt++) {
    const rounds: ReturnType<typeof round>[] = [];
    const { promise: sent, resolve: onSent } = withResolvers<void>();
    let done = false;
    const filling = postEvents(full.url, big, { onSent }).finally(() => {
      done = true;
    });
    for (await sent; !done; await delay(2)) rounds.push(round());
    const filler = await filling;
    t.ok(filler.status === 204 || filler.status === 503, `${filler.status}`);
    if (filler.status === 204) expected += 10;
    for (const [good, ...bad] of await Promise.all(rounds)) {
      [400, 429, 403, 401, 400].forEach((status, index) => {
        const answer = bad[index]?.status;
        t.ok(answer === status || answer === 503, `${answer} beside a ${good.status}`);
      });
      refused.push(...[good, ...bad].filter(({ status }) => status === 503));
    }
  }
  t.ok(refused.length > 0, 'the queue was full');
  for (const answer of refused) {
    problemOf(answer, 503);
    t.ok(Number(answer.headers['retry-after']) >= 1, `Retry-After: ${answer.headers['retry-after']}`);
  }
  const { head } = await get<EventsAnswer>(full.url, '/v1/query/events?limit=1');
  t.equal(head, expected, 'what was refused is not stored');
});
