/** What is stored of events, from columns or from objects, is what they are; and the msgpack in it is msgpack. */
import fc from 'fast-check';
import { unpack } from 'msgpackr';
import t from 'tap';
import { EVENT_TYPES, type JsonText, type NewEvent } from '../../../src/domain/event.js';
import { columnsOf, eventsOf } from '../../../src/domain/event-columns.js';
import { ByteWriter } from '../../../src/log/batches/byte-writer.js';
import { packArrayHead, packDouble, packInteger, packText } from '../../../src/log/batches/msgpack.js';
import { beginCommit } from '../../../src/log/wal/commit.js';
import { memoryBase } from '../../support/commit-base.js';

const NOON = Date.UTC(2026, 5, 1, 12);
const APP = { app: 'shop', receivedAt: NOON };

function packed(pack: (to: ByteWriter) => void): unknown {
  const to = new ByteWriter(1);
  pack(to);
  return unpack(to.view());
}

t.test('msgpack is read back as what was written, on both sides of every size', async (t) => {
  for (const length of [0, 31, 32, 255, 256, 65_535, 65_536]) {
    const text = 'x'.repeat(length);
    t.equal(
      packed((to) => packText(to, text)),
      text,
    );
    const wide = 'ü'.repeat(length);
    t.equal(
      packed((to) => packText(to, wide)),
      wide,
    );
  }
  for (const value of [-1, 0, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1])
    t.equal(
      packed((to) => packInteger(to, value)),
      value,
    );
  for (const value of [0, 1, NOON, 2 ** 48 - 1, undefined])
    t.equal(
      packed((to) => packDouble(to, value)),
      value ?? null,
    );
  for (const count of [0, 15, 16, 256]) {
    const all = Array.from({ length: count }, (_, index) => index);
    t.strictSame(
      packed((to) => {
        packArrayHead(to, count);
        for (const one of all) packInteger(to, one);
      }),
      all,
    );
  }
});

const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'action_7', '/käse', '日本', '😀', '"\\/\n', '\u0000') },
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(...[31, 32, 127, 128, 129, 255, 256, 2_048].map((length) => 'x'.repeat(length))),
  fc.constantFrom('ü'.repeat(64), '😀'.repeat(1_024), '€'.repeat(2_048)),
);
const props = fc
  .oneof({ weight: 20, arbitrary: text }, fc.constant('x'.repeat(70_000)))
  .map((value) => JSON.stringify({ value }) as JsonText);
const absent = fc.constant(undefined);
const maybe = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 2, arbitrary: absent }, { weight: 1, arbitrary: values });

/** Fields that are `undefined` are left out, as they are wherever events come from. */
const event: fc.Arbitrary<NewEvent> = fc
  .record({
    ts: fc.oneof(
      fc.integer({ min: NOON, max: NOON + 120_000 }),
      fc.constantFrom(0, NOON + 12 * 3_600_000, 2 ** 48 - 1),
    ),
    user_id: fc.constantFrom('alice', 'alice', 'žofie'),
    session_id: fc.constantFrom('s', 's', '日本'),
    type: fc.constantFrom(...EVENT_TYPES),
    name: text.filter((name) => name !== ''),
    url: maybe(fc.oneof(text, fc.constant(''))),
    props: maybe(props),
    user: maybe(
      fc
        .record({ name: maybe(text), email: maybe(text) })
        .map(({ name, email }) => ({ ...(name && { name }), ...(email && { email }) })),
    ),
    client_ts: maybe(fc.constantFrom(1, NOON, 2 ** 48 - 1)),
  })
  .map((fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)))
  .map((fields) => fields as unknown as NewEvent);

/** Many events of one session are one run, which the batch's limit has to cut. */
const events = fc.oneof(
  { weight: 20, arbitrary: fc.array(event, { maxLength: 12 }) },
  fc
    .tuple(fc.array(event, { minLength: 1, maxLength: 4 }), fc.integer({ min: 200, max: 600 }))
    .map(([some, count]): NewEvent[] =>
      Array.from({ length: count }, (_, index) => ({
        ...(some[index % some.length] as NewEvent),
        ts: NOON + index,
        user_id: 'alice',
        session_id: 's',
      })),
    ),
);

t.test('events become columns and events again', async () => {
  fc.assert(fc.property(events, (all) => t.strictSame(eventsOf(columnsOf(all)), all)));
});

t.test('events are read back as they are, whether they come as objects or as columns', async (t) => {
  const base = memoryBase();
  fc.assert(
    fc.property(events, (all) => {
      for (const request of [
        { ...APP, events: all },
        { ...APP, columns: columnsOf(all) },
      ]) {
        const firstId = base.counters().offset;
        const commit = beginCommit(base);
        t.strictSame(commit.add(request), { result: 'stored', late: 0 });
        const expected = all.map((one, index) => ({ ...one, id: firstId + index, app: 'shop' }));
        t.strictSame(base.take(commit.seal()), expected);
      }
    }),
  );
});

t.test('events below the fence are left out, and counted', async (t) => {
  const base = memoryBase();
  const all = [3, 2, 4].map(
    (ts): NewEvent => ({ ts, user_id: 'u', session_id: 's', type: 'event', name: `at ${ts}` }),
  );
  const commit = beginCommit({ ...base, fence: () => 3 });
  t.strictSame(commit.add({ ...APP, columns: columnsOf(all) }), { result: 'stored', late: 1 });
  t.strictSame(
    base.take(commit.seal()).map(({ id, name }) => [id, name]),
    [
      [1, 'at 3'],
      [2, 'at 4'],
    ],
  );
});
