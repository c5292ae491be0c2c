/** The events-a-minute limit, with the clock in the test's hand. */
import t from 'tap';
import { createEventLimiter } from '../../src/ingest/event-limiter.js';

const NOW = 1_800_000_012_345;

t.test('a limit of 0 is none', async (t) => {
  const limit = createEventLimiter(0);
  for (let i = 0; i < 10; i++) t.equal(limit('a', 1_000_000, NOW), undefined);
});

t.test('counts events, not requests', async (t) => {
  const limit = createEventLimiter(10);
  t.equal(limit('a', 6, NOW), undefined);
  t.type(limit('a', 5, NOW), 'number', 'these would be eleven');
  t.equal(limit('a', 4, NOW), undefined, 'what was refused did not count');
  t.type(limit('a', 1, NOW), 'number');
});

t.test('a batch larger than the limit never passes', async (t) => {
  const limit = createEventLimiter(10);
  t.type(limit('a', 11, NOW), 'number');
  t.equal(limit('a', 10, NOW), undefined);
});

t.test('each app has its own minute', async (t) => {
  const limit = createEventLimiter(1);
  t.equal(limit('a', 1, NOW), undefined);
  t.type(limit('a', 1, NOW), 'number');
  t.equal(limit('b', 1, NOW), undefined);
});

t.test('says how many whole seconds are left, and is open again by then', async (t) => {
  const limit = createEventLimiter(1);
  limit('a', 1, NOW);
  t.equal(limit('a', 1, NOW), 60);
  t.equal(limit('a', 1, NOW + 1), 60);
  t.equal(limit('a', 1, NOW + 1_000), 59);
  t.equal(limit('a', 1, NOW + 59_999), 1);
  t.equal(limit('a', 1, NOW + 60_000), undefined);
});

t.test('a clock that is set back does not shut an app out', async (t) => {
  const limit = createEventLimiter(1);
  limit('a', 1, NOW);
  t.equal(limit('a', 1, NOW - 5), 60, 'requests a little out of order are in the same minute');
  t.equal(limit('a', 1, NOW - 86_400_000), undefined);
});

t.test('refuses a limit that is none', async (t) => {
  for (const limit of [-1, 1.5, Number.NaN]) t.throws(() => createEventLimiter(limit));
});
