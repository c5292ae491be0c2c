/** Client clocks: which time an event gets, at and on both sides of every bound. */
import t from 'tap';
import type { NewEvent } from '../../src/domain/event.js';
import { columnsOf, type EventColumns, eventsOf } from '../../src/domain/event-columns.js';
import { MAX_TS, MIN_TS } from '../../src/domain/limits.js';
import { correctClocks, correctTs, plausibleTs } from '../../src/ingest/clock.js';

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

t.test('an event without a time has the time of receipt, whatever the clock', async (t) => {
  t.equal(correctTs(0, { receivedAt: NOW }), NOW);
  t.equal(correctTs(0, { receivedAt: NOW, sentAt: NOW }), NOW);
  t.equal(correctTs(0, { receivedAt: NOW, sentAt: NOW - HOUR }), NOW);
});

t.test('a time that cannot be is the time of receipt, whatever sent_at says', async (t) => {
  for (const sentAt of [undefined, NOW - MINUTE, NOW, NOW + MINUTE]) {
    const clock = { receivedAt: NOW, sentAt };
    for (const ts of [MIN_TS, NOW - 1, NOW, NOW + HOUR]) t.equal(correctTs(ts, clock), ts);
    for (const ts of [1, NOW / 1_000, MIN_TS - 1, NOW + HOUR + 1, MAX_TS]) {
      t.equal(correctTs(ts, clock), NOW);
      t.equal(plausibleTs(ts, clock), undefined);
    }
  }
});

t.test('a sent_at over a minute off shifts by the difference, either way', async (t) => {
  const then = NOW - 5_000_000;
  t.equal(correctTs(then, { receivedAt: NOW, sentAt: NOW - MINUTE - 1 }), then + MINUTE + 1);
  t.equal(correctTs(then, { receivedAt: NOW, sentAt: NOW + MINUTE + 1 }), then - MINUTE - 1);
  t.equal(correctTs(7, { receivedAt: NOW, sentAt: 0 }), NOW + 7);
});

t.test('a time is judged by what it is shifted to', async (t) => {
  for (const sentAt of [NOW - HOUR, NOW + HOUR]) {
    const clock = { receivedAt: NOW, sentAt };
    const offBy = NOW - sentAt;
    for (const ts of [MIN_TS, NOW + HOUR]) t.equal(correctTs(ts - offBy, clock), ts);
    for (const ts of [MIN_TS - 1, NOW + HOUR + 1]) t.equal(correctTs(ts - offBy, clock), NOW);
  }
  t.equal(correctTs(MAX_TS, { receivedAt: NOW, sentAt: 1 }), NOW);
  t.equal(correctTs(1, { receivedAt: NOW, sentAt: MAX_TS }), NOW);
});

t.test('an event keeps what its client said when that is not its time', async (t) => {
  const event = (ts: number): NewEvent => ({ ts, user_id: 'u', session_id: 's', type: 'event', name: 'n' });
  const times = (columns: EventColumns) => eventsOf(columns).map(({ ts, client_ts }) => [ts, client_ts]);

  const shifted = columnsOf([event(0), event(NOW - DAY), event(NOW), event(NOW + 1), event(1_000)]);
  correctClocks(shifted, { receivedAt: NOW, sentAt: NOW - HOUR });
  t.same(times(shifted), [
    [NOW, undefined],
    [NOW - DAY + HOUR, NOW - DAY],
    [NOW + HOUR, NOW],
    [NOW, NOW + 1],
    [NOW, 1_000],
  ]);

  const ahead = columnsOf([event(NOW + 2 * HOUR), event(NOW)]);
  correctClocks(ahead, { receivedAt: NOW });
  t.same(times(ahead), [
    [NOW, NOW + 2 * HOUR],
    [NOW, undefined],
  ]);
  t.notOk('client_ts' in (eventsOf(ahead)[1] ?? {}), 'absent, not undefined');
});
