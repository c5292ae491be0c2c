/** What a sweep may go by: a wall clock that jumps moves nothing, a day of even running does. */
import t from 'tap';
import { DAY_MS, HOUR_MS } from '../../src/domain/limits.js';
import { openTimeEvidence } from '../../src/domain/time-evidence.js';

const T = Date.UTC(2026, 10, 1, 12);

/** A wall clock and a monotonic one; the evidence is T, less where the test says so. */
function clocks(wall: number, evidence: number | undefined = T, trustClock = false) {
  const at = { wall, monotonic: 5_000 };
  const open = () =>
    openTimeEvidence({ evidence, now: () => at.wall, monotonic: () => at.monotonic, trustClock });
  return {
    time: open(),
    at,
    /** Both clocks run on. */
    run(ms: number) {
      at.wall += ms;
      at.monotonic += ms;
    },
  };
}

t.test('a start soon after the last receipt goes by the receipt, and by the next ones', async (t) => {
  const { time, run } = clocks(T + 5 * HOUR_MS);
  t.match(time.look(), { state: 'trusted', time: T, doubtMs: 0 });
  run(HOUR_MS);
  t.equal(time.look().time, T + HOUR_MS, 'running is evidence');
  time.received();
  t.equal(time.look().time, T + 6 * HOUR_MS, 'a receipt is');
});

t.test('a clock far ahead is believed after a day of even running, whatever is received', async (t) => {
  const { time, run } = clocks(T + 400 * DAY_MS);
  t.match(time.look(), { state: 'ahead', time: undefined, evidence: T, doubtMs: DAY_MS });
  time.received();
  run(DAY_MS - 1);
  time.received();
  t.match(time.look(), { state: 'ahead', time: undefined, doubtMs: 1 });
  run(1);
  t.match(time.look(), { state: 'trusted', time: T + 401 * DAY_MS });
});

t.test('a clock that jumps again begins another day of doubt', async (t) => {
  const { time, at, run } = clocks(T + 10 * DAY_MS);
  time.look();
  run(DAY_MS - 1);
  at.wall += 300 * DAY_MS;
  t.equal(time.look().doubtMs, DAY_MS);
  run(DAY_MS - 1);
  t.equal(time.look().time, undefined);
  at.wall = T + 2 * DAY_MS;
  t.match(time.look(), { state: 'trusted' }, 'put right, it needs no doubt');
});

t.test('a clock that jumps while the collector runs is doubted too', async (t) => {
  const { time, at } = clocks(T);
  t.equal(time.look().state, 'trusted');
  at.wall += 3 * DAY_MS;
  time.received();
  t.match(time.look(), { state: 'ahead', time: undefined, evidence: T });
});

t.test('a clock behind counts, and brings the evidence down after a day', async (t) => {
  const { time, run } = clocks(T, T + 400 * DAY_MS);
  t.match(time.look(), { state: 'behind', time: T });
  time.received();
  t.equal(time.look().evidence, T + 400 * DAY_MS);
  run(DAY_MS);
  t.match(time.look(), { state: 'trusted', time: T + DAY_MS, evidence: T + DAY_MS });
});

t.test('what a start a little ahead has moved is undone by a day of even running', async (t) => {
  const { time, at, run } = clocks(T + 20 * HOUR_MS);
  time.received();
  at.wall = T;
  t.match(time.look(), { state: 'trusted', time: T, evidence: T + 20 * HOUR_MS });
  run(DAY_MS);
  t.equal(time.look().evidence, T + DAY_MS);
});

t.test('without evidence nothing goes for a day', async (t) => {
  const at = { monotonic: 0 };
  const now = () => T + at.monotonic;
  const time = openTimeEvidence({ evidence: undefined, now, monotonic: () => at.monotonic });
  t.match(time.look(), { state: 'unknown', time: undefined, evidence: undefined });
  at.monotonic = DAY_MS;
  t.match(time.look(), { state: 'trusted', time: T + DAY_MS });
});

t.test('somebody may say that the clock is right, at the start or later', async (t) => {
  t.match(clocks(T + 30 * DAY_MS, T, true).time.look(), { state: 'trusted', time: T + 30 * DAY_MS });
  const { time } = clocks(T + 30 * DAY_MS);
  time.trust();
  t.match(time.look(), { state: 'trusted', time: T + 30 * DAY_MS });
});
