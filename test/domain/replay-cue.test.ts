/** Which chunks an incident's window needs, by examples and against the rule spelt out. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { openCue } from '../../src/domain/replay-cue.js';

interface Chunk {
  seq: number;
  ts?: number;
}

const FROM = 1_000;
const TO = 2_000;

/** Chunks numbered from 1 by their times; `undefined` is one without. */
const chunksAt = (...times: (number | undefined)[]): Chunk[] =>
  times.map((ts, i) => (ts === undefined ? { seq: i + 1 } : { seq: i + 1, ts }));
/** All that overlap. */
const cueOf = (chunks: Chunk[]) => nearest(chunks, FROM, 1_000).chunks;
function nearest(chunks: Chunk[], moment: number, max: number) {
  const cue = openCue<Chunk>({ from: FROM, to: TO }, { moment, max });
  for (const chunk of chunks.toReversed()) cue.add(chunk);
  return cue.chunks();
}
const seqs = (...times: (number | undefined)[]) => cueOf(chunksAt(...times)).map(({ seq }) => seq);

t.test('a session without chunks has no cue', async (t) => {
  t.same(seqs(), []);
});

t.test('a chunk may begin with the last moment of the window, not after it', async (t) => {
  t.same(seqs(TO), [1]);
  t.same(seqs(TO + 1), []);
});

t.test('a chunk that ends as the window begins is over', async (t) => {
  t.same(seqs(500, FROM), [2]);
  t.same(seqs(500, FROM + 1), [1, 2]);
  t.same(seqs(500, 999), [2]);
});

t.test('the last chunk is open-ended', async (t) => {
  t.same(seqs(1), [1]);
  t.same(seqs(1, 2, 3), [3]);
});

t.test('one chunk may cover the whole window', async (t) => {
  t.same(seqs(1, 500, 5_000, 6_000), [2]);
});

t.test('only a greater time ends a chunk', async (t) => {
  t.same(seqs(500, 500), [1, 2]);
  t.same(seqs(500, 500, 900), [3]);
  t.same(seqs(900, 500), [1, 2], 'the clock went back');
});

t.test('the least greater time of any later chunk ends one, in whatever order they come', async (t) => {
  t.same(seqs(500, 5_000, 700), [3]);
  t.same(seqs(500, 5_000, 400), [1, 3]);
});

t.test('a chunk without a time always counts and ends none', async (t) => {
  t.same(seqs(undefined), [1]);
  t.same(seqs(1, undefined, 5_000), [1, 2]);
  t.same(seqs(1, undefined, 500), [2, 3]);
});

t.test('follows the rule, whatever the chunks', async () => {
  const rule = (chunks: readonly Chunk[]) =>
    chunks.filter(({ seq, ts }) => {
      if (ts === undefined) return true;
      const ends = chunks.flatMap((later) =>
        later.seq > seq && (later.ts ?? 0) > ts ? [later.ts ?? 0] : [],
      );
      return ts <= TO && Math.min(Number.POSITIVE_INFINITY, ...ends) > FROM;
    });
  const time = fc.option(fc.oneof(fc.integer({ min: 1, max: 3_000 }), fc.constantFrom(FROM, TO)), {
    nil: undefined,
  });
  fc.assert(
    fc.property(fc.array(time, { maxLength: 12 }), (times) => {
      const chunks = chunksAt(...times);
      assert.deepEqual(cueOf(chunks), rule(chunks));
    }),
    { numRuns: 500 },
  );
});

t.test('of too many chunks those are kept that begin nearest to the moment', async (t) => {
  const chunks = chunksAt(1_100, 1_200, 1_300, 1_400, 1_500);
  const kept = (moment: number, max: number) => {
    const { chunks: found, isCut } = nearest(chunks, moment, max);
    return [found.map(({ seq }) => seq), isCut];
  };
  t.same(kept(1_300, 5), [[1, 2, 3, 4, 5], false]);
  t.same(kept(1_300, 3), [[2, 3, 4], true]);
  t.same(kept(1_600, 2), [[4, 5], true]);
  t.same(kept(1_250, 1), [[3], true], 'of two that are equally near the later');
  const timeless = nearest(chunksAt(1_100, undefined, 1_900), 1_900, 2);
  t.same(
    timeless.chunks.map(({ seq }) => seq),
    [2, 3],
    'one without a time is where the next begins',
  );
});
