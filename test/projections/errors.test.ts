/** Errors: how many events of type `error` each UTC day had, by hour, and when. */
import t from 'tap';
import { HOUR_MS, MAX_TS } from '../../src/domain/limits.js';
import { clock, dayOf, timeOf } from './decoded.js';
import { event, specsOf, times } from './given.js';

const BLOCK_TIMES = 1_000;

const given = specsOf({
  error_counts: (key, value, texts) => ({
    app: texts.app(key.be(2)),
    day: dayOf(key.be(3)),
    // The hours that had any, as `10h: 2`.
    hours: value.column(24, 4).flatMap((errors, hour) => (errors === 0 ? [] : [`${hour}h: ${errors}`])),
  }),
  error_times: (key, value, texts) => {
    const [app, hour, block] = [texts.app(key.be(2)), key.be(4) * HOUR_MS, key.be(4)];
    return {
      app,
      hour: clock(hour),
      block,
      at: value.column(value.left / 4, 4).map((ms) => clock(hour + ms)),
    };
  },
});

const error = (at: string | number, over: object = {}) => event({ type: 'error', at, ...over });
const counts = (day: string, ...hours: string[]) => ({ app: 'shop', day, hours });
const hour = (hour: string, ...at: string[]) => ({ app: 'shop', hour, block: 0, at });

t.test('one error is counted in its hour, and its time is kept', async () => {
  const one = given(error('06-14 10:20'));
  await one.rows('error_counts', [counts('06-14', '10h: 1')]);
  await one.rows('error_times', [hour('10:00', '10:20')]);
});

t.test('events of other types leave nothing', async () => {
  const others = given(
    ...(['event', 'pageview', 'network', 'bug_report'] as const).map((type) => event({ type })),
  );
  await others.rows('error_counts', []);
  await others.rows('error_times', []);
});

t.test('times are in the order of arrival, also of what comes late or twice', async () => {
  const some = given(
    [error('10:05'), event({ at: '10:05:10' }), error('10:04:30')],
    error('10:05', { user: 'bob' }),
    error('00:00'),
    error('23:59:59.999'),
    error('10:00', { session: 's2' }),
  );
  await some.rows('error_counts', [counts('06-14', '0h: 1', '10h: 4', '23h: 1')]);
  await some.rows('error_times', [
    hour('00:00', '00:00'),
    hour('10:00', '10:05', '10:04:30', '10:05', '10:00'),
    hour('23:00', '23:59:59.999'),
  ]);
});

t.test('an hour, and a day, end within a request', async () => {
  const over = given([
    error('10:59:59.999'),
    error('11:00'),
    error('06-14 23:59:59.999'),
    error('06-15 00:00'),
  ]);
  await over.rows('error_counts', [counts('06-14', '10h: 1', '11h: 1', '23h: 1'), counts('06-15', '0h: 1')]);
  await over.rows('error_times', [
    hour('10:00', '10:59:59.999'),
    hour('11:00', '11:00'),
    hour('23:00', '23:59:59.999'),
    hour('06-15 00:00', '06-15 00:00'),
  ]);
});

t.test('apps are counted apart', async () => {
  const apart = given(error('10:00'), error('10:01', { app: 'wiki' }), error('10:02', { app: 'wiki' }));
  await apart.rows('error_counts', [
    counts('06-14', '10h: 1'),
    { ...counts('06-14', '10h: 2'), app: 'wiki' },
  ]);
  await apart.rows('error_times', [
    hour('10:00', '10:00'),
    { ...hour('10:00', '10:01', '10:02'), app: 'wiki' },
  ]);
});

t.test('the 1,001st error of an hour begins another block; a count takes more than a byte', async () => {
  const at = (index: number) => timeOf('10:00') + index;
  const errors = times(2 * BLOCK_TIMES + 1, (index) => error(at(index)));
  const many = given(
    errors.slice(0, BLOCK_TIMES - 1),
    errors.slice(BLOCK_TIMES - 1, BLOCK_TIMES),
    errors.slice(BLOCK_TIMES),
    error('11:00'),
  );
  await many.rows('error_counts', [counts('06-14', '10h: 2001', '11h: 1')]);
  await many.rows('error_times', [
    ...times(3, (block) => ({
      ...hour('10:00'),
      block,
      at: times(block < 2 ? BLOCK_TIMES : 1, (index) => clock(at(block * BLOCK_TIMES + index))),
    })),
    hour('11:00', '11:00'),
  ]);
});

t.test('the least and the greatest time there is', () =>
  given(error(0), error(MAX_TS)).rows('error_times', [
    { ...hour(clock(0)), at: [clock(0)] },
    { ...hour(clock(MAX_TS - (MAX_TS % HOUR_MS))), at: [clock(MAX_TS)] },
  ]),
);

t.test('a sweep takes days whole, of every app', async () => {
  const swept = given(
    [error('06-13 10:00'), error('06-14 23:59:59.999'), error('06-15 00:00')],
    error('06-14 10:00', { app: 'wiki' }),
  ).swept('06-15');
  await swept.rows('error_counts', [counts('06-15', '0h: 1')]);
  await swept.rows('error_times', [hour('06-15 00:00', '06-15 00:00')]);
});

t.test('a sweep of more hours than one turn takes', async () => {
  const swept = given(
    times(22 * 24, (index) => error(timeOf('06-15 00:00') - (index + 1) * HOUR_MS)),
    error('06-15 09:00'),
  ).swept('06-15');
  await swept.rows('error_counts', [counts('06-15', '9h: 1')]);
  await swept.rows('error_times', [hour('06-15 09:00', '06-15 09:00')]);
});

t.test('what comes too late for a sweep that was is not counted', () =>
  given(error('06-14 10:00'))
    .swept('06-15')
    .and([error('06-14 23:59:59.999'), error('06-15 00:00')])
    .rows('error_counts', [counts('06-15', '0h: 1')]),
);

t.test('a sweep that was cut off: days before it have no errors', () =>
  given([error('06-14 10:00'), error('06-15 00:00')])
    .fenced('06-15')
    .answers(
      async (store) => (await store.ask('aggregates', { limit: 9 })).errors_by_day,
      [{ day: '2026-06-15', count: 1 }],
    ),
);

t.test('the errors of a user who is erased are not counted any more', async () => {
  const erased = given(error('10:00'), error('10:01', { user: 'bob' }), error('11:00')).erased('alice');
  await erased.rows('error_counts', [counts('06-14', '10h: 1')]);
  await erased.rows('error_times', [hour('10:00', '10:01')]);
});
