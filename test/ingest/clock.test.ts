/** Client clocks: which time an event gets, at and on both sides of every bound. */
import t from 'tap';
import type { NewEvent } from '../../src/domain/event.js';
import { columnsOf, type EventColumns, eventsOf } from '../../src/domain/event-columns.js';
import { MAX_TS } from '../../src/domain/limits.js';
import { correctClocks, correctTs } from '../../src/ingest/clock.js';

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;

t.test('an event without a time has the time of receipt, whatever the clock', async (t) => {
  t.equal(correctTs(0, { receivedAt: NOW }), NOW);
  t.equal(correctTs(0, { receivedAt: NOW, sentAt: NOW }), NOW);
  t.equal(correctTs(0, { receivedAt: NOW, sentAt: NOW - HOUR }), NOW);
});

t.test('without sent_at only a time more than an hour ahead is replaced', async (t) => {
  const clock = { receivedAt: NOW };
  t.equal(correctTs(NOW + HOUR, clock), NOW + HOUR);
  t.equal(correctTs(NOW + HOUR + 1, clock), NOW);
  t.equal(correctTs(MAX_TS, clock), NOW);
  t.equal(correctTs(1, clock), 1);
});

t.test('a sent_at within a minute changes nothing, not even a time far ahead', async (t) => {
  for (const sentAt of [NOW - MINUTE, NOW, NOW + MINUTE]) {
    for (const ts of [1, NOW, NOW + 2 * HOUR, MAX_TS])
      t.equal(correctTs(ts, { receivedAt: NOW, sentAt }), ts);
  }
});

t.test('a sent_at over a minute off shifts by the difference, either way', async (t) => {
  t.equal(correctTs(5_000_000, { receivedAt: NOW, sentAt: NOW - MINUTE - 1 }), 5_000_000 + MINUTE + 1);
  t.equal(correctTs(5_000_000, { receivedAt: NOW, sentAt: NOW + MINUTE + 1 }), 5_000_000 - MINUTE - 1);
  t.equal(correctTs(7, { receivedAt: NOW, sentAt: 0 }), NOW + 7);
});

t.test('a shift stays within the times the log can hold', async (t) => {
  t.equal(correctTs(10, { receivedAt: NOW, sentAt: NOW + HOUR }), 0);
  t.equal(correctTs(MAX_TS, { receivedAt: NOW, sentAt: 1 }), MAX_TS);
  t.equal(correctTs(MAX_TS - 1, { receivedAt: NOW, sentAt: 1 }), MAX_TS);
});

t.test('an event keeps what its client said when that is not its time', async (t) => {
  const event = (ts: number): NewEvent => ({ ts, user_id: 'u', session_id: 's', type: 'event', name: 'n' });
  const times = (columns: EventColumns) => eventsOf(columns).map(({ ts, client_ts }) => [ts, client_ts]);

  const shifted = columnsOf([event(0), event(1_000), event(NOW)]);
  correctClocks(shifted, { receivedAt: NOW, sentAt: NOW - HOUR });
  t.same(times(shifted), [
    [NOW, undefined],
    [1_000 + HOUR, 1_000],
    [NOW + HOUR, NOW],
  ]);

  const ahead = columnsOf([event(NOW + 2 * HOUR), event(NOW)]);
  correctClocks(ahead, { receivedAt: NOW });
  t.same(times(ahead), [
    [NOW, NOW + 2 * HOUR],
    [NOW, undefined],
  ]);
  t.notOk('client_ts' in (eventsOf(ahead)[1] ?? {}), 'absent, not undefined');
});
