/** What the model keeps and drops, against examples worked out by hand. */
import t from 'tap';
import { DAY_MS } from '../../src/domain/limits.js';
import { batch, DAY, event, given } from './by-hand.js';
import { createModel } from './model.js';

t.test('a sweep takes what lies below the fence for good, and late events get no id', async (t) => {
  const next = DAY + DAY_MS;
  const model = await given(
    batch([
      event(DAY, 'alice', 'x', { user: { name: 'Alice' } }),
      event(next, 'alice', 'x'),
      event(DAY, 'bob', 'x'),
    ]),
  );
  t.strictSame(await model.sweep({ eventsBefore: next }), { events: 2, chunks: 0 });
  const [alice, ...others] = (await model.ask('users', { limit: 9 })).users;
  t.strictSame(alice, {
    user_id: 'alice',
    app: 'inventory',
    first_seen: next,
    last_seen: next,
    session_count: 1,
  });
  t.strictSame(others, []);
  t.strictSame(await model.tail(0, 9), {
    events: [await model.ask('event', { id: 2 })],
    head: 3,
    next: 3,
    gap: true,
  });
  t.strictSame(await model.tail(1, 9), {
    events: [await model.ask('event', { id: 2 })],
    head: 3,
    next: 3,
    gap: false,
  });
  t.equal((await model.tail(2, 9)).gap, true);
  t.equal((await model.tail(3, 9)).gap, false);
  t.equal((await model.tail(4, 9)).gap, true);
  await model.sweep({ eventsBefore: DAY });
  await model.append([batch([event(next - 1, 'late', 'x'), event(next, 'new', 'x')])]);
  t.equal((await model.ask('event', { id: 4 }))?.user_id, 'new', 'the fence never moves back');
  t.match(await model.stats(), { head: 4, late_events: 1 });
});

t.test('chunks list by seq, replace under the same seq, and expire by time of receipt', async (t) => {
  const model = createModel();
  const chunk = { app: 'a', session: 's', receivedAt: DAY, bytes: new Uint8Array(2) };
  await model.putChunk({ ...chunk, seq: 2, ts: 7 });
  await model.putChunk({ ...chunk, seq: 1, receivedAt: DAY - 1 });
  t.strictSame(await model.ask('replay', { id: 's' }), {
    session: 's',
    apps: ['a'],
    chunks: [
      { seq: 1, size_bytes: 2, received_at: DAY - 1 },
      { seq: 2, ts: 7, size_bytes: 2, received_at: DAY },
    ],
  });
  const before = await model.chunk('a', 's', 2);
  await model.putChunk({ ...chunk, seq: 2, bytes: new Uint8Array(3) });
  const after = await model.chunk('a', 's', 2);
  t.equal(after?.bytes.byteLength, 3);
  t.not(after?.etag, before?.etag);
  t.strictSame(await model.sweep({ replaysBefore: DAY }), { events: 0, chunks: 1 });
  t.strictSame(
    (await model.ask('replay', { id: 's', apps: ['a'] })).chunks.map((row) => row.seq),
    [2],
  );
  t.equal(await model.chunk('b', 's', 2), undefined);
  await model.putChunk({ ...chunk, app: 'b', seq: 2 });
  t.strictSame(await model.ask('replay', { id: 's' }), { session: 's', apps: ['a', 'b'], chunks: [] });
  t.strictSame((await model.ask('replay', { id: 's', apps: ['c', 'b'] })).apps, ['b']);
});
