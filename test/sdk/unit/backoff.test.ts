/** The pause before a retry grows, is spread, and is never shorter than the collector asked for. */
import t from 'tap';
import { pause } from '../../../sdk/src/backoff.js';

const least = () => 0;
const most = () => 1;

t.test('it doubles from a second up to half a minute, and is spread over the upper half', async (t) => {
  const tries = [0, 1, 2, 3, 4, 5, 6, 50, 2_000];
  t.same(
    tries.map((attempt) => pause(attempt, 0, most)),
    [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000],
  );
  t.same(
    tries.map((attempt) => pause(attempt, 0, least)),
    [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000, 15_000],
  );
});

t.test('what the collector asks for is waited, and then spread', async (t) => {
  t.equal(pause(0, 10_000, least), 10_000);
  t.equal(pause(0, 10_000, most), 15_000);
  t.equal(pause(6, 1_000, most), 30_000, 'our own pause may be longer');
});

t.test('an absurd wish is waited for an hour', async (t) => {
  t.equal(pause(0, 1e15, least), 3_600_000);
});

t.test('a wish that is no number is none', async (t) => {
  t.equal(pause(0, Number.NaN, least), 500);
});
