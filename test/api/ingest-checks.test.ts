/** The order in which `POST /v1/events` checks a request: of two faults at once, the earlier check answers. */
import t, { type Test } from 'tap';
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

t.test('CHK-02 a body that is no batch is a 400, whatever its key', async () => {
  const deep = `${'['.repeat(70)}${']'.repeat(70)}`;
  problemOf(await postEvents(c.url, `{"app":"nobody","key":"wrong","events":${deep}}`), 400);
  problemOf(await postEvents(c.url, { app: 'nobody', key: 'wrong', events: null }), 400);
  problemOf(await postEvents(c.url, '{"app":"closed","key":"wrong","events":[}', OUTSIDE), 400);
});

t.test('CHK-03 a wrong key is a 401, whatever the origin and the events', async () => {
  problemOf(await postEvents(c.url, envelope('closed', [invalid], { key: 'wrong' }), OUTSIDE), 401);
  problemOf(await postEvents(c.url, envelope('nobody', [invalid]), OUTSIDE), 401);
});

t.test('an origin from outside is a 403, whatever the events', async () => {
  problemOf(await postEvents(c.url, envelope('closed', [invalid]), OUTSIDE), 403);
});

t.test('with a limit of ten events a minute', async (t) => {
  const limited = await startCollector({
    apps: {
      ...apps('single', 'batch', 'other', 'order', 'slow'),
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
    const now = Date.now;
    t.intercept(Date, 'now', { value: () => now() + MINUTE + 1 });
    t.equal((await send('slow', 10)).status, 204);
    assertLimited(t, await send('slow', 1));
  });
});

t.test('CHK-11 a limit of 0 is none', async (t) => {
  const events = Array.from({ length: 100 }, () => event({ user_id: 'many' }));
  for (let i = 0; i < 30; i++) t.equal((await postEvents(c.url, envelope('inventory', events))).status, 204);
});

t.test('with a write queue that is full', async (t) => {
  const bodyBytes = 16 * 1_048_576;
  const full = await startCollector({
    apps: { ...apps('inventory'), closed: { key: keyOf('closed'), origins: [ORIGIN] } },
    limits: { body_bytes: bodyBytes },
  });
  t.teardown(() => full.close());
  const small = event({ user_id: 'u', session_id: 's', name: 'n' });
  const filler = JSON.stringify(
    envelope(
      'inventory',
      Array.from({ length: 50_000 }, () => small),
    ),
  );
  const big = Buffer.from(filler + ' '.repeat(bodyBytes - filler.length));

  t.test('CHK-12 CHK-06 a good batch is a 503 and a bad one still what it is', async (t) => {
    const bigs = [1, 2, 3, 4].map(() => postEvents(full.url, big));
    const answers = await Promise.all(bigs);
    const refused = answers.filter((answer) => answer.status === 503);
    t.ok(refused.length > 0, 'the queue was full');
    for (const answer of refused) {
      problemOf(answer, 503);
      t.ok(Number(answer.headers['retry-after']) >= 1, `Retry-After: ${answer.headers['retry-after']}`);
    }
    const taken = answers.filter((answer) => answer.status === 204).length;
    t.equal(taken + refused.length, answers.length, 'every answer is a 204 or a 503');
    const { head } = await get<EventsAnswer>(full.url, '/v1/query/events?limit=1');
    t.equal(head, taken * 50_000, 'what was refused is not stored');
    await store(full.url, 'inventory', [small]);
  });
});
