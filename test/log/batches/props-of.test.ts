/** One event's props are the same whether they are read alone or with everything else there is of a batch. */
import fc from 'fast-check';
import { Unpackr } from 'msgpackr';
import t from 'tap';
import type { JsonText, NewEvent } from '../../../src/domain/event.js';
import { decodeBatch } from '../../../src/log/batches/record-batch.js';
import { beginCommit } from '../../../src/log/wal/commit.js';
import { parseCommitGroup } from '../../../src/log/wal/commit-group.js';
import { memoryBase } from '../../support/commit-base.js';

const NOON = Date.UTC(2026, 5, 1, 12);

/** Texts on both sides of every size that msgpack tells apart, with and without what is not ASCII. */
const text = fc
  .tuple(
    fc.constantFrom(0, 1, 15, 31, 32, 255, 256, 70_000),
    fc.constantFrom('x', 'ü', '€', '🙂'),
    fc.boolean(),
  )
  .map(([length, other, isMixed]) => 'x'.repeat(length) + (isMixed ? other : ''));

const event = fc.record(
  {
    ts: fc.integer({ min: NOON, max: NOON + 1_000 }),
    user_id: fc.constant('u'),
    session_id: fc.constant('s'),
    type: fc.constantFrom('event' as const, 'error' as const),
    name: fc.constant('n'),
    url: text,
    props: text.map((value) => JSON.stringify({ value }) as JsonText),
    client_ts: fc.nat(),
  },
  { requiredKeys: ['ts', 'user_id', 'session_id', 'type', 'name'] },
);

t.test('props read alone', async (t) => {
  fc.assert(
    fc.property(fc.array(event, { minLength: 1, maxLength: 40 }), (events) => {
      const base = memoryBase();
      const commit = beginCommit(base);
      commit.add({ app: 'shop', receivedAt: NOON, events: events as NewEvent[] });
      const group = parseCommitGroup((commit.seal() as { bytes: Buffer }).bytes);
      const [place] = group.batches;
      const value = group.bytes.subarray(place?.value, place?.valueEnd);
      const [alone, whole] = [decodeBatch(value, 1, String), decodeBatch(value, 1, String)];
      events.forEach((one, index) => {
        const wanted = one.props ?? null;
        if (alone.propsOf(index) !== wanted) throw new Error(`alone: event ${index} of ${events.length}`);
        whole.details();
        if (whole.propsOf(index) !== wanted) throw new Error(`with all: event ${index} of ${events.length}`);
      });
    }),
    { numRuns: 300 },
  );
  t.pass();
});

t.test('a batch is unpacked once, whoever asks for how many props', async (t) => {
  const commit = beginCommit(memoryBase());
  const events = Array.from(
    { length: 200 },
    (_, n): NewEvent => ({
      ...{ ts: NOON + n, user_id: 'u', session_id: 's', type: 'error', name: 'n' },
      props: `{"é":${n}}` as JsonText,
    }),
  );
  commit.add({ app: 'shop', receivedAt: NOON, events });
  const group = parseCommitGroup((commit.seal() as { bytes: Buffer }).bytes);
  const [place] = group.batches;
  const batch = decodeBatch(group.bytes.subarray(place?.value, place?.valueEnd), 1, String);
  const unpacked = t.capture(Unpackr.prototype, 'unpack', Unpackr.prototype.unpack);
  for (const [index, { props }] of events.entries()) t.equal(batch.propsOf(index), props);
  t.equal(unpacked().length, 1);
});
