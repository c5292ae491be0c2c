/** The times of a recording: what belongs to one moment is at one time, and what came later is never earlier. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { NOON, SECOND } from '../support/http.js';
import { fromPlayer } from './from-player.js';

interface Chunk {
  seq: number;
  path: string;
  ts?: number;
  begin?: number;
}
interface Timed {
  timestamp: number;
}
interface Told {
  ts: number;
  client_ts?: number;
}
interface Span {
  from: number;
  to: number;
}

const { inOrder, placed, putRight, boundsOf } = await fromPlayer<{
  inOrder: (times: number[], from?: number, to?: number) => number[];
  placed: (references: Chunk[]) => Chunk[];
  putRight: (events: Timed[], given: number | undefined, told: Told[], from?: number, to?: number) => Timed[];
  boundsOf: (
    chunks: Chunk[],
    index: number,
    placedOf: (index: number) => Timed[] | undefined,
  ) => Partial<Span>;
}>('times.ts');
const { gapsOf } = await fromPlayer<{
  gapsOf: (references: Chunk[], spans: Span[], events: object[]) => (Span & { reason: string })[];
}>('gaps.ts');

const MINUTE = 60 * SECOND;
/** Chunks by the seconds after noon that the collector has for them. */
const chunksAt = (...seconds: (number | undefined)[]): Chunk[] =>
  placed(
    seconds.map((at, index) => ({
      ...{ seq: index + 1, path: `/${index + 1}` },
      ...(at === undefined ? {} : { ts: NOON + at * SECOND }),
    })),
  );
const secondsOf = (times: (number | undefined)[]) =>
  times.map((time) => (time === undefined ? undefined : (time - NOON) / SECOND));
const begins = (...seconds: (number | undefined)[]) =>
  secondsOf(chunksAt(...seconds).map(({ begin }) => begin));
/** A chunk's events by the seconds that the device's clock showed, and where they are played. */
const played = (chunks: Chunk[], index: number, ...seconds: number[]) =>
  secondsOf(playedWith([], chunks, index, ...seconds).map(({ timestamp }) => timestamp));
function playedWith(told: Told[], chunks: Chunk[], index: number, ...seconds: number[]) {
  const { from, to } = boundsOf(chunks, index, () => undefined);
  const events = seconds.map((at) => ({ timestamp: NOON + at * SECOND }));
  return putRight(events, chunks[index]?.ts, told, from, to);
}

t.test('times that are in order stay as they are', async (t) => {
  t.same(inOrder([]), []);
  t.same(inOrder([3]), [3]);
  t.same(inOrder([1, 1, 2, 5]), [1, 1, 2, 5]);
});

t.test('what is out of order moves between its neighbours, the rest stays', async (t) => {
  t.same(inOrder([0, 10, 620, 30, 40]), [0, 10, 30, 30, 40], 'one ahead');
  t.same(inOrder([0, 10, -580, 30, 40]), [0, 10, 10, 30, 40], 'one behind');
  t.same(inOrder([0, 10, 620, -580, 40]), [0, 10, 40, 40, 40], 'one of each');
  t.same(inOrder([0, 10, 20, 5, 15, 25, 35]), [0, 5, 5, 5, 15, 25, 35], 'set back for good');
  t.same(inOrder([9, 1]), [1, 1], 'of two the one that ends earlier');
});

t.test('none leaves the bounds', async (t) => {
  t.same(inOrder([1, 5, 9], 3, 7), [3, 5, 7]);
  t.same(inOrder([20, 30], 3, 7), [7, 7]);
  t.same(inOrder([-20, -30], 3, 7), [3, 3]);
  t.same(inOrder([Number.POSITIVE_INFINITY]), [Number.MAX_VALUE]);
});

t.test('keeps as many as can be kept, whatever the times', async () => {
  const longest = (times: number[]): number => {
    const runs: number[] = [];
    for (const [at, time] of times.entries())
      runs.push(1 + Math.max(0, ...runs.filter((_, before) => before < at && (times[before] ?? 0) <= time)));
    return Math.max(0, ...runs);
  };
  const time = fc.integer({ min: 0, max: 20 });
  fc.assert(
    fc.property(fc.array(time, { maxLength: 14 }), time, time, (times, a, b) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const ordered = inOrder(times, from, to);
      for (const [at, here] of ordered.entries()) {
        assert.ok(here >= (ordered[at - 1] ?? from) && here <= to);
      }
      const kept = ordered.filter((here, at) => here === times[at]).length;
      assert.ok(kept >= longest(times.filter((given) => given >= from && given <= to)));
    }),
    { numRuns: 2_000 },
  );
});

t.test('chunks begin in the order of their numbers', async (t) => {
  t.same(begins(0, 10, 20), [0, 10, 20]);
  t.same(begins(8, 0.5, 11, 21), [0.5, 0.5, 11, 21], 'the first took long to arrive');
  t.same(begins(0, undefined, 20), [0, undefined, 20]);
  t.same(begins(0, 602, 5, 15), [0, 2.5, 5, 15], 'one that is out of order has room before and after');
  t.same(begins(0, 10, -580, 30), [0, 10, 20, 30]);
  t.same(begins(0, 10, 20, -15, -5), [0, 10, 20, 30, 40], 'set back, and never caught up');
  t.same(begins(undefined, 30, undefined, 20, 40), [undefined, 20, undefined, 20, 40]);
  t.same(begins(undefined), [undefined]);
});

t.test('a chunk is where the collector says, whatever the device’s clock says', async (t) => {
  t.same(played(chunksAt(0, 10), 0, 0, 1, 9), [0, 1, 9], 'a right clock changes nothing');
  t.same(played(chunksAt(0, 10), 0, 600, 601, 609), [0, 1, 9], 'ahead');
  t.same(played(chunksAt(0, 10), 1, -590, -581), [10, 19], 'behind');
  t.same(played(chunksAt(undefined), 0, 600, 601), [600, 601], 'without a time it has the device’s');
  t.same(played(chunksAt(0), 0), []);
});

t.test('each chunk has a shift of its own: the clock may be put right meanwhile', async (t) => {
  const chunks = chunksAt(0, 10, 20);
  t.same(played(chunks, 0, 600, 609), [0, 9]);
  t.same(played(chunks, 1, 610, 619), [10, 19]);
  t.same(played(chunks, 2, 20, 29), [20, 29]);
});

t.test('no event is played after the next chunk began, nor before its own', async (t) => {
  t.same(played(chunksAt(0, 5), 0, 0, 4, 9), [0, 4, 5]);
  t.same(played(chunksAt(0, undefined, 5), 0, 0, 9), [0, 5]);
  t.same(played(chunksAt(0, undefined, 5), 1, -1, 3, 9), [0, 3, 5]);
});

t.test('a clock set back within a chunk leaves its events in order', async (t) => {
  t.same(played(chunksAt(0), 0, 0, 1, 2, -18, -17), [0, 1, 2, 2, 3]);
  // What came before was sent by the clock that had been set back, and so put ten minutes ahead.
  const chunks = chunksAt(0, 602, 5, 15);
  t.same(secondsOf(chunks.map(({ begin }) => begin)), [0, 2.5, 5, 15]);
  t.same(played(chunks, 1, 2, 3), [5, 5]);
  t.same(played(chunks, 2, -595, -590), [5, 10]);
});

t.test('what was recorded just before an event is shifted as the event was', async (t) => {
  // Both are ten minutes ahead; the chunk took 40 ms longer to arrive than the events, and 20 ms.
  const told = [
    { ts: NOON + 1_960, client_ts: NOON + 602_000 },
    { ts: NOON + 3_980, client_ts: NOON + 604_000 },
    { ts: NOON + 700_000 },
  ];
  const chunks = chunksAt(0, 2);
  const times = (...seconds: number[]) =>
    playedWith(told, chunks, 0, ...seconds).map(({ timestamp }) => timestamp - NOON);
  t.same(times(600, 601.999, 602), [-40, 1_959, 1_960], 'as the first event');
  const second = putRight(
    [{ timestamp: NOON + 602_000 }, { timestamp: NOON + 603_000 }, { timestamp: NOON + 605_000 }],
    NOON + 2_000,
    told,
    NOON + 1_000,
  );
  t.same(
    second.map(({ timestamp }) => timestamp - NOON),
    [1_960, 2_980, 4_980],
    'as the next one, or the last',
  );
  t.same(
    putRight([{ timestamp: NOON }], NOON, told).map(({ timestamp }) => timestamp),
    [NOON],
    'not as events by another clock',
  );
});

t.test('a chunk lies between its neighbours, and where they begin until they are there', async (t) => {
  const chunks = chunksAt(0, 10, undefined, 30);
  const at = (seconds: number) => [{ timestamp: NOON + seconds * SECOND }];
  const bounds = (index: number, of: Record<number, { timestamp: number }[]> = {}) => {
    const { from, to } = boundsOf(chunks, index, (neighbour) => of[neighbour]);
    return secondsOf([from, to]);
  };
  t.same(bounds(0), [-1, 10]);
  t.same(bounds(1), [9, 30]);
  t.same(bounds(2), [10, 30]);
  t.same(bounds(3), [29, undefined]);
  t.same(bounds(1, { 0: at(9.99), 2: at(12) }), [9.99, 12]);
  t.same(bounds(0, { 1: at(9.5) }), [-1, 9.5]);
});

t.test('events are changed in copies alone', async (t) => {
  const events = [{ timestamp: NOON + MINUTE }, { timestamp: NOON }];
  putRight(events, NOON, []);
  t.same(events, [{ timestamp: NOON + MINUTE }, { timestamp: NOON }]);
});

const gap = (ts: number, more: object = {}) => ({
  ...{ name: '$replay_gap', ts, ...more },
  props: { from: NOON + 600 * SECOND, to: NOON + 620 * SECOND, reason: 'idle' },
});

t.test('a gap is where its event is put', async (t) => {
  const spanOf = (event: object) => gapsOf([], [], [event]).map(({ from, to }) => secondsOf([from, to]));
  t.same(spanOf(gap(NOON + 620 * SECOND)), [[600, 620]], 'a right clock');
  t.same(spanOf(gap(NOON + 20 * SECOND, { client_ts: NOON + 620 * SECOND })), [[0, 20]], 'ahead');
  t.same(spanOf(gap(NOON + 1_220 * SECOND, { client_ts: NOON + 620 * SECOND })), [[1_200, 1_220]], 'behind');
});

t.test('missing chunks are a gap of the recording’s time', async (t) => {
  const [first, , third] = chunksAt(0, 10, 30);
  const last = { from: NOON, to: NOON + 9 * SECOND };
  const [lost] = gapsOf(
    [first, third].filter((chunk) => chunk !== undefined),
    [last],
    [],
  );
  t.same(secondsOf([lost?.from, lost?.to]), [9, 30]);
  t.equal(lost?.reason, '1 chunk did not arrive');
});
