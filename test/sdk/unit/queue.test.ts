/** The queue: what is in it outlives its page, stays within bounds, and belongs to one page at a time. */
import { mock } from 'node:test';
import t from 'tap';
import { toLine } from '../../../sdk/src/line.js';
import { createQueue } from '../../../sdk/src/queue.js';
import { memoryLocks, memoryShelf, settle } from './pages.js';

const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 5, 14, 12);

t.beforeEach(() => mock.timers.enable({ apis: ['Date', 'setTimeout'], now: START }));
t.afterEach(() => mock.timers.reset());

function page({
  shelf = memoryShelf(),
  locks,
}: {
  shelf?: ReturnType<typeof memoryShelf>;
  locks?: ReturnType<typeof memoryLocks>;
} = {}) {
  const dropped: number[] = [];
  const queue = createQueue({
    shelf,
    prefix: 'spyglass:app:queue:',
    locks: locks as never,
    drop: (events) => dropped.push(events.length),
  });
  const inherit = async () => {
    let found = 0;
    await queue.adopt(() => {
      found += 1;
    });
    await settle();
    return found;
  };
  const events = () => {
    queue.close();
    return queue.closed().flatMap(({ events }) => events);
  };
  return { queue, shelf, dropped, inherit, events };
}

t.test('an event is in the storage before `add` returns', async (t) => {
  const { queue, shelf } = page();
  const { id } = queue.add('{"name":"a"}');
  queue.add('{"name":"b"}');
  const [[key = '', text] = []] = [...shelf.entries];
  t.match(key, /^spyglass:app:queue:[0-9a-f-]{36}:[0-9a-f-]{36}$/);
  t.ok(key.endsWith(id));
  t.equal(text, `${START}\n{"name":"a"}\n{"name":"b"}`);
});

t.test('a batch that is closed gets no more events, one that grows large is closed', async (t) => {
  const { queue } = page();
  const first = queue.add('1');
  queue.close();
  t.not(queue.add('2'), first);
  const large = queue.add(JSON.stringify('x'.repeat(31_000)));
  t.not(queue.add(JSON.stringify('y'.repeat(2_000))), large);
  t.same(
    queue.closed().map(({ events }) => events.length),
    [1, 2],
    'the open one is not there',
  );
});

t.test('a settled batch leaves the storage, its parts take its place and ids from it', async (t) => {
  const { queue, shelf, events } = page();
  const before = queue.add('1');
  for (const event of ['2', '3']) queue.add(event);
  queue.close();
  queue.add('4');
  t.ok(queue.settle(before, [['1'], ['3']]));
  t.notOk(queue.settle(before, [['1'], ['3']]), 'once only');
  t.same(events(), ['1', '3', '4']);
  t.same(
    queue
      .closed()
      .map(({ id }) => id.replace(before.id, 'id'))
      .slice(0, 2),
    ['id0', 'id1'],
  );
  for (const batch of queue.closed()) queue.settle(batch);
  t.equal(shelf.entries.size, 0);
});

t.test('the oldest make room, and are counted', async (t) => {
  const { queue, dropped, shelf, events } = page();
  for (let at = 0; at < 70; at++) queue.add(JSON.stringify(at + 'x'.repeat(20_000)));
  const size = [...shelf.entries.values()].reduce((sum, text) => sum + text.length, 0);
  t.ok(size <= 1_000_000 && size > 950_000, `${size}`);
  const left = events();
  t.equal(left.length + dropped.reduce((sum, count) => sum + count), 70);
  t.match(left[0], new RegExp(`^"${70 - left.length}x`));
  t.match(left.at(-1), /^"69x/);
});

t.test('an event that is too large for the collector costs nobody else', async (t) => {
  const { queue, dropped, events } = page();
  for (let at = 0; at < 15; at++) queue.add(toLine({ name: `small ${at}` }, { at }));
  queue.add(toLine({ name: 'large' }, { dump: 'x'.repeat(1_200_000), currency: 'EUR' }));
  queue.add(toLine({ name: 'after' }, undefined));
  t.same(dropped, []);
  t.same(JSON.parse(events()[15] ?? '').props, { currency: 'EUR', $invalid: ['dump'] });
  t.equal(events().length, 17);
});

t.test('what is older than 6 days is given up: the collector may have forgotten its id', async (t) => {
  const { queue, dropped, events } = page();
  queue.add('old');
  queue.add('old');
  mock.timers.tick(6 * DAY_MS - 1_000);
  queue.close();
  queue.add('new');
  t.same(events(), ['old', 'old', 'new']);
  mock.timers.tick(2_000);
  t.same(events(), ['new']);
  t.same(dropped, [2]);
});

t.test('parts are as old as what they were part of', async (t) => {
  const { queue, events } = page();
  const batch = queue.add('1');
  queue.close();
  mock.timers.tick(5 * DAY_MS);
  queue.settle(batch, [['1']]);
  mock.timers.tick(2 * DAY_MS);
  t.same(events(), []);
});

t.test(
  'a page takes over what one that is gone has left, with its ids, and nothing of one that lives',
  async (t) => {
    const shelf = memoryShelf();
    const locks = memoryLocks();
    const [first, second] = [page({ shelf, locks }), page({ shelf, locks })];
    first.queue.hold();
    second.queue.hold();
    const { id } = first.queue.add('1');
    mock.timers.tick(10_000);
    t.equal(await second.inherit(), 0);
    t.same(second.events(), []);

    first.queue.release();
    await settle();
    t.equal(await second.inherit(), 1);
    t.same(second.events(), ['1']);
    t.equal(second.queue.closed()[0]?.id, id);
    t.equal(shelf.entries.size, 1, 'moved, not copied');
    t.equal(await page({ shelf, locks }).inherit(), 0, 'the new owner lives');
  },
);

t.test('a batch that has just begun may be of a page whose lock is on its way', async (t) => {
  const shelf = memoryShelf();
  const locks = memoryLocks();
  page({ shelf, locks }).queue.add('1');
  t.equal(await page({ shelf, locks }).inherit(), 0);
});

t.test('a lock is given back even if it has not been granted yet', async (t) => {
  const locks = memoryLocks();
  const { queue } = page({ locks });
  queue.hold();
  queue.release();
  await settle();
  t.equal(locks.held.size, 0);
});

t.test('without locks a batch is its owner’s for a minute', async (t) => {
  const shelf = memoryShelf();
  const [first, second] = [page({ shelf }), page({ shelf })];
  first.queue.add('1');
  mock.timers.tick(59_000);
  t.equal(await second.inherit(), 0);
  mock.timers.tick(2_000);
  t.equal(await second.inherit(), 1);

  first.queue.add('2');
  t.same(second.events(), ['1'], 'the page that was taken for gone adds to no batch that is not its own');
  t.same(first.events(), ['1', '2'], 'what both send has one id');
  t.equal(first.queue.closed()[0]?.id, second.queue.closed()[0]?.id);
});

t.test('a batch from the future, since the clock was set back, is taken over as any', async (t) => {
  const shelf = memoryShelf();
  page({ shelf }).queue.add('1');
  mock.timers.setTime(START - 3 * DAY_MS);
  t.equal(await page({ shelf }).inherit(), 1);
});

t.test('what is taken over is sent in the order it was taken in, and within the bounds', async (t) => {
  const shelf = memoryShelf();
  const [first, second] = [page({ shelf }), page({ shelf })];
  first.queue.add('1');
  mock.timers.tick(10_000);
  second.queue.add('2');
  mock.timers.tick(60_000);
  second.queue.close();
  const third = page({ shelf });
  third.queue.add('3');
  t.equal(await third.inherit(), 2);
  t.same(third.events(), ['1', '2', '3']);
});

t.test('another app’s entries, and what is no entry, stay where they are', async (t) => {
  const entries = new Map([
    ['spyglass:app2:queue:0f3c0000-0000-4000-8000-000000000000:x', '1\n1'],
    ['spyglass:app:queue:', 'x'],
    ['cart', '[]'],
  ]);
  const { inherit, shelf } = page({ shelf: memoryShelf(entries) });
  t.equal(await inherit(), 0);
  t.equal(shelf.entries.size, 3);
});
