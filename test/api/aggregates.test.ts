/** `GET /v1/query/aggregates` from outside. */
import t from 'tap';
import { startCollector } from '../support/collector.js';
import { apps, DAY, event, get, NOON, store } from '../support/http.js';
import type { AggregatesAnswer } from '../support/rows.js';

const MIDNIGHT = NOON - DAY / 2;
const c = await startCollector({
  apps: apps('shape', 'dau', 'dau2', 'kinds', 'ties', 'days', 'cut', 'many', 'pages'),
});
t.teardown(() => c.close());

const aggregates = (query: string) => get<AggregatesAnswer>(c.url, `/v1/query/aggregates?${query}`);
const EMPTY = { dau: [], top_events: [], top_pages: [], errors_by_day: [] };

t.test('AGG-01 the example of the reference', async (t) => {
  t.same(await aggregates(''), EMPTY, 'of an empty store');
  await store(c.url, 'shape', [
    event({ user_id: 'a', name: 'view' }),
    event({ user_id: 'b', name: 'view' }),
    event({ user_id: 'a', name: '/home', type: 'pageview' }),
    event({ user_id: 'a', name: 'boom', type: 'error' }),
  ]);
  t.same(await aggregates(''), {
    dau: [{ day: '2026-06-14', count: 2 }],
    top_events: [{ name: 'view', count: 2 }],
    top_pages: [{ name: '/home', count: 1 }],
    errors_by_day: [{ day: '2026-06-14', count: 1 }],
  });
});

t.test('AGG-02 AGG-10 distinct users of all types, the same across apps', async (t) => {
  const types = ['event', 'pageview', 'error', 'network', 'bug_report'];
  const DAY2 = NOON + 100 * DAY;
  const each = types.map((type) => event({ user_id: `dau_${type}`, type, ts: DAY2 }));
  await store(c.url, 'dau', [...each, ...each]);
  await store(c.url, 'dau2', each.slice(0, 2));
  await store(c.url, 'dau2', [event({ user_id: 'dau_other', ts: DAY2 })]);
  const dau = async (query: string) =>
    (await aggregates(`from=${DAY2}&to=${DAY2}${query}`)).dau.map((row) => row.count);
  t.same(await dau('&app=dau'), [5]);
  t.same(await dau('&app=dau2'), [3]);
  t.same(await dau(''), [6]);
});

t.test('AGG-03 AGG-04 AGG-10 each list counts its own type', async (t) => {
  await store(c.url, 'kinds', [
    event({ name: 'x' }),
    event({ name: 'x', type: 'pageview' }),
    event({ name: 'x', type: 'pageview' }),
    event({ name: 'x', type: 'error' }),
    event({ name: 'x', type: 'network' }),
    event({ name: 'x', type: 'bug_report' }),
  ]);
  t.same(await aggregates('app=kinds'), {
    dau: [{ day: '2026-06-14', count: 1 }],
    top_events: [{ name: 'x', count: 1 }],
    top_pages: [{ name: 'x', count: 2 }],
    errors_by_day: [{ day: '2026-06-14', count: 1 }],
  });
});

t.test('AGG-05 counts descending, then the bytes of the name', async (t) => {
  const byBytes = ['!', '10', '9', 'A', 'Z', '_', 'a', 'ab', 'b', 'é', 'ÿ', '\u0800', '￮', '\u{10000}', '😀'];
  const long = ['1', '2'].map((end) => 'x'.repeat(2_047) + end);
  const shuffled = [...byBytes.slice(8), ...byBytes.slice(0, 8).reverse()];
  for (const type of ['event', 'pageview']) {
    await store(c.url, 'ties', [
      ...shuffled.map((name) => event({ name, type })),
      ...['zz', ...long.toReversed(), 'zz', ...long, 'zz'].map((name) => event({ name, type })),
    ]);
  }
  const { top_events, top_pages } = await aggregates('app=ties&limit=100');
  t.same(
    top_events.map((row) => row.name),
    ['zz', ...long, ...byBytes],
  );
  t.same(
    top_events.map((row) => row.count),
    [3, 2, 2, ...byBytes.map(() => 1)],
  );
  t.same(top_pages, top_events);
});

t.test('AGG-06 AGG-07 days ascending in UTC, empty ones left out', async (t) => {
  const moments = [
    MIDNIGHT + 2 * DAY,
    MIDNIGHT - 1,
    MIDNIGHT,
    MIDNIGHT + DAY - 1,
    MIDNIGHT + 5 * DAY,
    Date.UTC(2024, 1, 29),
    Date.UTC(2000, 0, 1),
    Date.UTC(2024, 11, 31, 23, 59, 59, 999),
  ];
  for (const ts of moments) {
    await store(c.url, 'days', [
      event({ ts, user_id: `u${ts}`, type: 'error' }),
      event({ ts, user_id: 'u' }),
    ]);
  }
  const days = [
    '2000-01-01',
    '2024-02-29',
    '2024-12-31',
    '2026-06-13',
    '2026-06-14',
    '2026-06-16',
    '2026-06-19',
  ];
  const { dau, errors_by_day } = await aggregates('app=days');
  t.same(
    errors_by_day,
    days.map((day) => ({ day, count: day === '2026-06-14' ? 2 : 1 })),
  );
  t.same(
    dau,
    days.map((day) => ({ day, count: day === '2026-06-14' ? 3 : 2 })),
  );
});

t.test('AGG-08 bounds that cut through a day are exact', async (t) => {
  const hours = [-25, -13, -12, -1, 0, 1, 11, 12, 13, 36];
  const at = (hour: number) => NOON + hour * 3_600_000;
  for (const [i, hour] of hours.entries()) {
    const who = { ts: at(hour), user_id: `u${i % 4}`, session_id: `s${i % 3}` };
    await store(c.url, 'cut', [
      event({ ...who, type: 'error' }),
      event({ ...who, name: `n${i % 2}` }),
      event({ ...who, type: 'pageview', name: `/p${i % 3}` }),
    ]);
  }
  for (const first of hours) {
    for (const last of hours.filter((hour) => hour >= first)) {
      for (const off of [0, 1]) {
        const [from, to] = [at(first) + off, at(last) - off];
        const inside = hours.flatMap((hour, i) =>
          at(hour) >= from && at(hour) <= to ? [{ ts: at(hour), i }] : [],
        );
        const days = new Map<string, string[]>();
        for (const { ts, i } of inside) {
          const day = new Date(ts).toISOString().slice(0, 10);
          days.set(day, [...(days.get(day) ?? []), `u${i % 4}`]);
        }
        const answer = await aggregates(`app=cut&from=${from}&to=${to}`);
        const label = `${first} to ${last}, ${off} off`;
        t.same(
          answer.dau,
          [...days].map(([day, who]) => ({ day, count: new Set(who).size })),
          label,
        );
        t.same(
          answer.errors_by_day,
          [...days].map(([day, who]) => ({ day, count: who.length })),
          label,
        );
        const top = (names: string[]) =>
          [...new Set(names)]
            .map((name) => ({ name, count: names.filter((other) => other === name).length }))
            .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
        t.same(answer.top_events, top(inside.map(({ i }) => `n${i % 2}`)), label);
        t.same(answer.top_pages, top(inside.map(({ i }) => `/p${i % 3}`)), label);
      }
    }
  }
});

t.test('AGG-09 ten names by default, 100 at most, and every day', async (t) => {
  const events = Array.from({ length: 120 }, (_, i) =>
    ['event', 'pageview', 'error'].map((type) => event({ type, name: `n${i}`, ts: NOON + (i % 15) * DAY })),
  );
  await store(c.url, 'many', events.flat());
  const sizes = async (query: string) => {
    const { top_events, top_pages, dau, errors_by_day } = await aggregates(`app=many${query}`);
    t.equal(top_pages.length, top_events.length);
    return [top_events.length, dau.length, errors_by_day.length];
  };
  t.same(await sizes(''), [10, 15, 15]);
  t.same(await sizes('&limit=3'), [3, 15, 15]);
  for (const limit of [100, 101, 9_999]) t.same(await sizes(`&limit=${limit}`), [100, 15, 15]);
});
