/** Delivery: a batch keeps its id until there is a final answer, and comes back no sooner than it should. */
import { mock } from 'node:test';
import t from 'tap';
import { createDelivery } from '../../../sdk/src/delivery.js';
// What is loaded when it is needed, so that no test waits for it.
import '../../../sdk/src/divide.js';
import { createDropped } from '../../../sdk/src/dropped.js';
import { createQueue } from '../../../sdk/src/queue.js';
import { eventually, memoryShelf, settle } from './pages.js';

const START = Date.UTC(2026, 5, 14, 12);
let pageMs = 0;

interface Sent {
  at: number;
  keepalive: boolean;
  batch_id: string;
  sent_at: number;
  events: { name: string }[];
}

t.beforeEach(() => {
  mock.timers.enable({ apis: ['Date', 'setTimeout'], now: START });
  mock.method(Math, 'random', () => 0);
  // The page's clock goes on evenly, whatever is done to the system's.
  mock.method(performance, 'now', () => pageMs);
  mock.method(console, 'warn', () => {});
});
t.afterEach(() => {
  mock.timers.reset();
  mock.restoreAll();
});

/** A page whose collector answers by `answers`, in turn, and with 204 after the last. */
function page(...answers: (Response | 'none')[]) {
  const sent: Sent[] = [];
  const dropped: number[] = [];
  const drop = (events: string[]) => dropped.push(events.length);
  const queue = createQueue({ shelf: memoryShelf(), prefix: 'p:', drop });
  /** What a firewall does that reads along. */
  const state = { refuse: (_event: { name: string }): Response | undefined => undefined };
  const delivery = createDelivery({
    endpoint: 'https://collector.example',
    app: 'app',
    key: 'key',
    queue,
    drop,
    stored: () => {},
    fetch: async (_url, init) => {
      sent.push({
        at: Date.now() - START,
        keepalive: init?.keepalive === true,
        ...JSON.parse(String(init?.body)),
      });
      const events = sent.at(-1)?.events ?? [];
      const refused = events.map((event) => state.refuse(event)).find(Boolean);
      const answer = refused ?? answers.shift() ?? new Response(null, { status: 204 });
      if (answer === 'none') throw new TypeError('Failed to fetch');
      return answer;
    },
  });
  const take = (...names: string[]) => {
    for (const name of names) delivery.take(JSON.stringify({ name }));
  };
  const names = () => sent.map(({ events }) => events.map(({ name }) => name).join(' '));
  return Object.assign(state, { sent, dropped, queue, delivery, take, names });
}

const status = (code: number, headers: Record<string, string> = {}, body: object = {}) =>
  new Response(JSON.stringify(body), { status: code, headers });

/** As the collector itself refuses. */
const refusal = (code: number, more: object = {}) =>
  status(
    code,
    { 'Content-Type': 'application/problem+json; charset=utf-8' },
    { type: 'urn:spyglass:problem:bad_request', ...more },
  );

/** Lets time pass in steps, so that what a timer begins can go on. */
async function pass(ms: number, stepMs = 250): Promise<void> {
  for (let left = ms; left > 0; left -= stepMs) {
    pageMs += Math.min(left, stepMs);
    mock.timers.tick(Math.min(left, stepMs));
    await settle();
  }
}

t.test('a batch goes 5 s after its first event, a full one at once', async (t) => {
  const { take, names, sent } = page();
  take('a');
  await pass(4_750);
  take('b');
  t.same(names(), []);
  await pass(250);
  t.same(names(), ['a b']);
  take(...Array.from({ length: 20 }, () => 'x'));
  await settle();
  t.equal(sent[1]?.events.length, 20);
});

t.test('retries keep the id, say when they are sent, and come ever later', async (t) => {
  const { take, sent } = page('none', status(500), status(503), 'none', status(502), status(404));
  take('a');
  await pass(120_000, 500);
  t.equal(new Set(sent.map(({ batch_id }) => batch_id)).size, 1);
  t.same(
    sent.map(({ at }) => at),
    [5_000, 5_500, 6_500, 8_500, 12_500, 20_500, 35_500],
  );
  t.ok(sent.every(({ at, sent_at }) => sent_at === START + at));
});

t.test('neither a full batch nor a call goes before what `Retry-After` asks', async (t) => {
  const { delivery, take, names, sent } = page(status(429, { 'Retry-After': '7' }));
  take('a');
  await pass(5_000);
  take(...Array.from({ length: 20 }, () => 'x'));
  await delivery.flush();
  delivery.leave();
  t.equal(await delivery.deliver('{"name":"report"}'), false);
  t.equal(sent.length, 1);
  await pass(6_750);
  t.equal(sent.length, 1);
  await pass(500);
  t.same(names(), ['a', 'a', Array.from({ length: 20 }, () => 'x').join(' '), 'report']);
});

t.test('a clock that is set back makes a wait no longer', async (t) => {
  const { take, sent } = page(status(429, { 'Retry-After': '7' }));
  take('a');
  await pass(5_000);
  mock.method(Date, 'now', () => START - 3_600_000);
  await pass(8_000);
  t.equal(sent.length, 2);
});

t.test('an absurd `Retry-After` is waited for an hour, not for ever or not at all', async (t) => {
  const { take, sent } = page(status(503, { 'Retry-After': '1e12' }));
  take('a');
  await pass(5_000);
  await pass(3_590_000, 60_000);
  t.equal(sent.length, 1);
  await pass(1_800_000, 60_000);
  t.equal(sent.length, 2);
});

t.test('a 200 is a proxy’s login page, not the collector’s word', async (t) => {
  const { take, sent, delivery, queue } = page(new Response('<h1>Log in</h1>', { status: 200 }));
  take('a');
  await delivery.flush();
  t.equal(queue.closed().length, 1);
  await pass(10_000);
  t.equal(sent.length, 2);
  t.same(queue.closed(), []);
});

t.test('a refusal that is not the collector’s costs nothing', async (t) => {
  const json = 'application/problem+json';
  const strangers: [string | null, string][] = [
    ['<h1>Access denied</h1>', 'text/html'],
    [null, ''],
    ['{"type":"urn:spyglass:problem:invalid_event"}', 'application/json'],
    ['{"type":"about:blank","errors":[{"path":"events[0]"}]}', json],
    ['null', json],
    ['{"type":["urn:spyglass', json],
  ];
  for (const code of [400, 401, 403, 413]) {
    for (const [body, type] of strangers) {
      const answers = [1, 2].map(
        () => new Response(body, { status: code, headers: { 'Content-Type': type } }),
      );
      const { take, names, sent, dropped } = page(...answers);
      take('a', 'b');
      await pass(10_000);
      t.same(names(), ['a b', 'a b', 'a b']);
      t.equal(new Set(sent.map(({ batch_id }) => batch_id)).size, 1);
      t.same(dropped, []);
    }
  }
});

t.test(
  'what somebody in between refuses for what it says holds up neither others nor recordings',
  async (t) => {
    const firewall = page();
    firewall.refuse = ({ name }) => (name === 'DROP TABLE' ? status(403) : undefined);
    firewall.take('DROP TABLE');
    await firewall.delivery.flush();
    t.notOk(firewall.delivery.congested());
    firewall.take('b');
    await firewall.delivery.flush();
    firewall.take('c');
    await firewall.delivery.flush();
    t.same(firewall.names(), ['DROP TABLE', 'b', 'DROP TABLE', 'c', 'DROP TABLE']);
    firewall.refuse = () => undefined;
    await pass(60_000);
    t.same(firewall.names().slice(5), ['DROP TABLE']);
    t.same(firewall.dropped, []);
  },
);

t.test('while events wait recordings do', async (t) => {
  const { take, delivery } = page('none');
  take('a');
  await delivery.flush();
  t.ok(delivery.congested());
  await delivery.flush();
  t.notOk(delivery.congested());
});

t.test('a refusal that names no event finds the one that is meant', async (t) => {
  for (const errors of [undefined, [{ path: 'key' }], [{ path: 'events' }]]) {
    const { take, names, dropped } = page(refusal(400, { errors }));
    take('a', 'b');
    await pass(6_000);
    t.same(names(), ['a b', 'a', 'b']);
    t.same(dropped, []);
  }
});

t.test('events that a 400 names are given up, the others go on under another id', async (t) => {
  const errors = [{ path: 'events[1].name' }, { path: 'events[1].ts' }, { path: 'events[3]' }];
  const { take, names, sent, dropped, queue } = page(refusal(400, { errors }));
  take('a', 'bad', 'c', 'bad');
  await pass(5_000);
  await eventually(() => sent.length === 2);
  t.same(names(), ['a bad c bad', 'a c']);
  t.not(sent[1]?.batch_id, sent[0]?.batch_id);
  t.same(dropped, [2]);
  t.same(queue.closed(), []);
});

t.test('a 413, and a 400 that names none, halve a batch until it is one event', async (t) => {
  for (const code of [413, 400]) {
    const { take, names, dropped, sent } = page(refusal(code), refusal(code), refusal(code));
    take('a', 'b', 'c', 'd');
    await pass(5_000);
    await eventually(() => sent.length === 5);
    t.same(names(), ['a b c d', 'a b', 'a', 'b', 'c d']);
    t.same(dropped, [1]);
    t.equal(new Set(sent.map(({ batch_id }) => batch_id)).size, 5);
    t.ok(sent.every(({ batch_id }) => batch_id.length <= 64));
  }
});

t.test('a 401 and a 403 drop a batch, with one warning in all', async (t) => {
  const warn = mock.method(console, 'warn', () => {});
  const { take, dropped, delivery } = page(refusal(401), refusal(403));
  take('a', 'b');
  await delivery.flush();
  take('c');
  await delivery.flush();
  t.same(dropped, [2, 1]);
  t.equal(warn.mock.callCount(), 1);
});

t.test('what is stored and what is said to be dropped are all there was', async (t) => {
  const stored = new Map<string, { name: string; props?: { count: number } }[]>();
  let requests = 0;
  const dropped = createDropped((name, props) => delivery.take(JSON.stringify({ name, props })));
  const queue = createQueue({ ...dropped, shelf: memoryShelf(), prefix: 'p:' });
  const delivery = createDelivery({
    ...dropped,
    endpoint: 'https://collector.example',
    app: 'app',
    key: 'key',
    queue,
    fetch: async (_url, init) => {
      const { batch_id, events } = JSON.parse(String(init?.body));
      await new Promise((resolve) => setTimeout(resolve, 80));
      stored.set(batch_id, events);
      // Now and then it is stored, and the answer is lost.
      if (++requests % 9 === 0) throw new TypeError('Failed to fetch');
      return new Response(null, { status: 204 });
    },
  });
  let given = 0;
  for (let round = 0; round < 400; round++) {
    for (let at = 0; at < 30; at++) delivery.take(JSON.stringify({ name: `${given++}`.padEnd(320, 'x') }));
    await pass(50, 50);
    // It may go at any time, and stays after all.
    if (round % 50 === 49) dropped.stored();
  }
  await pass(120_000, 100);
  const events = [...stored.values()].flat();
  const told = events.filter(({ name }) => name === '$events_dropped').map(({ props }) => props?.count ?? 0);
  const taken = new Set(events.map(({ name }) => name).filter((name) => /^\d/.test(name)));
  const lost = told.reduce((sum, count) => sum + count, 0);
  t.ok(lost > 500, `${lost} were dropped`);
  t.equal(taken.size + lost, given);
});

t.test('`deliver` knows whether the collector has it', async (t) => {
  const { delivery, take, names } = page('none');
  take('before');
  t.equal(await delivery.deliver('{"name":"kept"}'), false);
  t.equal(await delivery.deliver('{"name":"sent"}'), true);
  t.same(names(), ['before', 'before', 'kept', 'sent'], 'in order, whatever pause there was');
  const refusing = page(refusal(401));
  t.equal(await refusing.delivery.deliver('{"name":"refused"}'), false);
});

t.test('a page that is left sends as much as it may, once, and the rest later should it stay', async (t) => {
  const { delivery, take, sent } = page();
  for (const name of ['a', 'b', 'c']) take(name + 'x'.repeat(25_000));
  delivery.leave();
  delivery.leave();
  t.same(
    sent.map(({ keepalive }) => keepalive),
    [true, true],
  );
  await pass(5_000);
  t.equal(sent.length, 3);
  t.equal(sent[2]?.keepalive, false);
});

t.test('after a stop nothing is planned any more', async (t) => {
  const { delivery, take, sent } = page('none');
  take('a');
  delivery.stop();
  await pass(10_000);
  t.equal(sent.length, 0);
  await delivery.flush();
  await pass(60_000);
  t.equal(sent.length, 1);
});
