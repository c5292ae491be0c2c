/** In which order waiting requests are served. */
import t from 'tap';
import { openTurns, type Waits } from '../../src/ingest/turns.js';

const items = (count: number, one: Waits) => Array.from({ length: count }, () => one);

function served(waiting: readonly Waits[], count = waiting.length): Waits[] {
  const turns = openTurns<Waits>();
  for (const one of waiting) turns.push(one);
  return Array.from({ length: count }, () => turns.next() as Waits);
}

t.test('alone, first come, first served', async (t) => {
  const waiting = Array.from({ length: 50 }, (_, bytes) => ({ app: 'a', sender: 1, bytes: bytes * 10_000 }));
  t.same(served(waiting), waiting);
});

t.test('an app with small requests does not wait for one with large ones', async (t) => {
  const large = items(100, { app: 'large', sender: 1, bytes: 1_000_000 });
  const small = items(100, { app: 'small', sender: 2, bytes: 1_000 });
  const order = served([...large, ...small], 110).map(({ app }) => app);
  t.ok(order.filter((app) => app === 'small').length >= 100, 'all of these are served before ten of those');
});

t.test('an app gets its share by bytes, however many senders it has', async (t) => {
  const crowd = Array.from({ length: 500 }, (_, sender) => ({ app: 'crowd', sender, bytes: 30_000 }));
  const single = items(500, { app: 'single', sender: 999, bytes: 30_000 });
  const first = served([...crowd, ...single], 200).filter(({ app }) => app === 'single');
  t.ok(first.length > 80, `${first.length} of 200`);
});

t.test('within an app senders take turns', async (t) => {
  const flood = items(200, { app: 'a', sender: 1, bytes: 100 });
  const order = served([...flood, { app: 'a', sender: 2, bytes: 100 }], 3).map(({ sender }) => sender);
  t.ok(order.includes(2), `${order}`);
});

t.test('everything is served once, and then there is nothing', async (t) => {
  const turns = openTurns<Waits>();
  const waiting = Array.from({ length: 300 }, (_, n) => ({
    app: `a${n % 7}`,
    sender: n % 11,
    bytes: n * 999,
  }));
  for (const one of waiting) turns.push(one);
  const all = new Set<Waits>();
  for (let next = turns.next(); next; next = turns.next()) all.add(next);
  t.equal(all.size, waiting.length);
  t.equal(turns.count(), 0);
});
