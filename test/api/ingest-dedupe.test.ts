/** What `batch_id` promises a client that sends a batch again. */
import { connect } from 'node:net';
import t from 'tap';
import { spawnCollector, startCollector } from '../support/collector.js';
import { apps, DAY, event, get, keyOf, postEvents, problemOf, store } from '../support/http.js';
import type { EventsAnswer } from '../support/rows.js';

/** How far ahead of itself the collector's clock is. */
let ahead = 0;
const wall = Date.now;
t.intercept(Date, 'now', { value: () => wall() + ahead });
const c = await startCollector({ apps: apps('inventory', 'shop') });
t.teardown(() => c.close());

const batch = (user_id: string, batch_id: string | undefined, over: object = {}) => ({
  app: 'inventory',
  key: keyOf('inventory'),
  batch_id,
  events: [event({ user_id, name: 'a' }), event({ user_id, name: 'b' })],
  ...over,
});
const countOf = async (user: string, url = c.url) =>
  (await get<EventsAnswer>(url, `/v1/query/events?user=${user}`)).events.length;

t.test('DED-01 a batch sent again is a 204 and stored once', async (t) => {
  for (let i = 0; i < 3; i++) t.equal((await postEvents(c.url, batch('again', 'batch-01'))).status, 204);
  const other = batch('again', 'batch-01', { events: [event({ user_id: 'again', name: 'other' })] });
  t.equal((await postEvents(c.url, other)).status, 204, 'it is the id that counts');
  t.equal(await countOf('again'), 2);
  t.equal((await postEvents(c.url, batch('again', 'batch-01x'))).status, 204);
  t.equal((await postEvents(c.url, batch('again', 'BATCH-01'))).status, 204);
  t.equal(await countOf('again'), 6, 'other ids are other batches');
});

t.test('DED-02 the same id under another app is another batch', async (t) => {
  t.equal((await postEvents(c.url, batch('two_apps', 'batch-02'))).status, 204);
  await store(c.url, 'shop', [event({ user_id: 'two_apps' })], { batch_id: 'batch-02' });
  t.equal(await countOf('two_apps'), 3);
});

t.test('DED-03 it is known after a restart, and after a kill', async (t) => {
  t.equal((await postEvents(c.url, batch('restart', 'batch-03'))).status, 204);
  await c.restart();
  t.equal((await postEvents(c.url, batch('restart', 'batch-03'))).status, 204);
  t.equal(await countOf('restart'), 2);

  const child = await spawnCollector({ apps: apps('inventory') });
  t.teardown(() => child.close());
  t.equal((await postEvents(child.url, batch('kill', 'batch-03'))).status, 204);
  await child.kill();
  await child.restart();
  t.equal((await postEvents(child.url, batch('kill', 'batch-03'))).status, 204);
  t.equal(await countOf('kill', child.url), 2);
});

t.test('DED-04 it is known for seven days and no longer', async (t) => {
  t.equal((await postEvents(c.url, batch('week', 'batch-04'))).status, 204);
  ahead = 7 * DAY - 60_000;
  t.equal((await postEvents(c.url, batch('week', 'batch-04'))).status, 204);
  t.equal(await countOf('week'), 2, 'a minute before the week is over');
  await c.restart();
  t.equal((await postEvents(c.url, batch('week', 'batch-04'))).status, 204);
  t.equal(await countOf('week'), 2, 'after a restart too');
  ahead = 7 * DAY + 60_000;
  t.equal((await postEvents(c.url, batch('week', 'batch-04'))).status, 204);
  t.equal(await countOf('week'), 4, 'a minute after the week is over');
  ahead = 0;
});

t.test('DED-05 retries in flight are joined', async (t) => {
  const retries = Array.from({ length: 20 }, () => postEvents(c.url, batch('joined', 'batch-05')));
  for (const { status } of await Promise.all(retries)) t.equal(status, 204);
  t.equal(await countOf('joined'), 2);

  // Ten requests in one packet come in together, and so reach the store together.
  const body = JSON.stringify(batch('packet', 'batch-05p'));
  const head = `POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  const socket = connect(Number(new URL(c.url).port), '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.write((head + body).repeat(10));
  let answers = '';
  for await (const piece of socket) {
    answers += piece;
    if (answers.split('HTTP/1.1 204').length === 11) break;
  }
  t.equal(await countOf('packet'), 2);
});

t.test('DED-06 a failure is joined too', async (t) => {
  const broken = batch('failed', 'batch-06', { events: [event({ user_id: 'failed', type: 'foo' })] });
  const retries = Array.from({ length: 10 }, () => postEvents(c.url, broken));
  for (const answer of await Promise.all(retries)) problemOf(answer, 400);
  t.equal(await countOf('failed'), 0);
});

t.test('DED-07 a refused batch is not remembered', async (t) => {
  const faults = [{ events: [event({ type: 'foo' })] }, { key: 'wrong' }, { events: null }];
  for (const fault of faults) {
    t.not((await postEvents(c.url, batch('mended', 'batch-07', fault))).status, 204);
  }
  t.equal((await postEvents(c.url, batch('mended', 'batch-07'))).status, 204);
  t.equal(await countOf('mended'), 2);
});

t.test('DED-08 without an id the same body twice is stored twice', async (t) => {
  for (let i = 0; i < 2; i++) t.equal((await postEvents(c.url, batch('twice', undefined))).status, 204);
  t.equal(await countOf('twice'), 4);
});
