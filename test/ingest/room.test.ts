/** Who gets room in a queue. */
import t from 'tap';
import { openRoom } from '../../src/ingest/room.js';

t.test('one owner alone gets half, and others still find room', async (t) => {
  const room = openRoom<string>({ requests: 100, bytes: 10_000 });
  let taken = 0;
  while (room.take('greedy', 10)) taken++;
  t.equal(taken, 50);
  for (const owner of ['a', 'b', 'c']) t.ok(room.take(owner, 10), owner);
  let second = 0;
  while (room.take('second', 10)) second++;
  t.ok(second > 20, `a second one gets ${second}`);
  t.ok(room.take('late', 10), 'and there is some left');
});

t.test('bytes count as requests do', async (t) => {
  const room = openRoom<string>({ requests: 1_000, bytes: 10_000 });
  let taken = 0;
  while (room.take('greedy', 1_000)) taken++;
  t.equal(taken, 5);
  t.ok(room.take('small', 100));
  t.notOk(room.take('large', 9_000), 'there is no room for this one');
  t.same(room.used, { requests: 6, bytes: 5_100 });
});

t.test('a single request may take all', async (t) => {
  const room = openRoom<string>({ requests: 10, bytes: 10_000 });
  t.ok(room.take('one', 10_000));
  t.notOk(room.take('two', 1));
  room.leave('one', 10_000);
  t.ok(room.take('two', 1));
});

t.test('what is given back can be taken again', async (t) => {
  const room = openRoom<string>({ requests: 4, bytes: 100 });
  for (let round = 0; round < 100; round++) {
    t.ok(room.take('a', 10) && room.take('a', 10));
    t.notOk(room.take('a', 10));
    room.leave('a', 10);
    room.leave('a', 10);
  }
  t.same(room.used, { requests: 0, bytes: 0 });
});
