/** The model’s error groups, neighbours and activity against examples worked out by hand. */
import t from 'tap';
import type { JsonText, NewEvent } from '../../src/domain/event.js';
import { DAY_MS } from '../../src/domain/limits.js';
import { batch, DAY, event, given, ids } from './by-hand.js';
import type { Model } from './model.js';

const neighbours = async (model: Model, event_id: number) =>
  (await model.ask('incident', { event_id }))?.around?.neighbours;

const thrown = (ts: number, user_id: string, name: string, frame: string): NewEvent =>
  event(ts, user_id, name, {
    type: 'error',
    props: JSON.stringify({ stack: `${name}\n at ${frame}` }) as JsonText,
  });

t.test('error groups share app, message and top frame, within the range asked for', async (t) => {
  const next = DAY + DAY_MS;
  const model = await given(
    batch([
      thrown(next, 'alice', 'boom', 'f (a.js:1:1)'),
      thrown(DAY, 'alice', 'boom', 'f (a.js:1:1)'),
      thrown(DAY + 1, 'bob', 'boom', 'f (a.js:1:1)'),
      thrown(DAY, 'bob', 'boom', 'g (a.js:2:1)'),
      event(DAY, 'bob', 'boom', { type: 'error' }),
      event(DAY, 'bob', 'boom'),
    ]),
    batch([thrown(DAY, 'bob', 'boom', 'f (a.js:1:1)')], { app: 'shop' }),
  );
  const { groups } = await model.ask('errors', { apps: ['inventory'], limit: 9 });
  t.strictSame(
    groups.map(({ frame, count, last_event_id }) => [frame, count, last_event_id]),
    [
      ['f (a.js:1:1)', 3, 1],
      [undefined, 1, 5],
      ['g (a.js:2:1)', 1, 4],
    ],
    'by count, then the latest',
  );
  const [{ group = '' } = {}] = groups;
  t.match(groups[0], {
    ...{ app: 'inventory', name: 'boom', user_count: 2, first_seen: DAY, last_seen: next },
    by_day: [
      { day: '2026-06-14', count: 2 },
      { day: '2026-06-15', count: 1 },
    ],
  });
  t.equal((await model.ask('errors', { limit: 9 })).groups.length, 4, 'each app has its own');
  t.match((await model.ask('errors', { group, to: DAY, limit: 9 })).groups, [
    { count: 1, user_count: 1, last_event_id: 2 },
  ]);
  const page = await model.ask('occurrences', { group, limit: 2 });
  t.strictSame(ids(page.events), [1, 3]);
  const rest = await model.ask('occurrences', {
    group,
    limit: 2,
    ...(page.next ? { cursor: page.next } : {}),
  });
  t.strictSame(ids(rest.events), [2]);
  t.strictSame(await neighbours(model, 3), { group, previous: 2, next: 1 });
  t.strictSame(await neighbours(model, 99), undefined);
});

t.test('the neighbours of a bug report are those of its app', async (t) => {
  const reported = (ts: number) => event(ts, 'alice', 'broken', { type: 'bug_report' });
  const model = await given(
    batch([reported(DAY + 2), reported(DAY), reported(DAY + 1)]),
    batch([reported(DAY + 1)], { app: 'shop' }),
  );
  t.strictSame(await neighbours(model, 3), { previous: 2, next: 1 });
  t.strictSame(await neighbours(model, 4), {});
});

t.test('activity: events, errors and sessions a day', async (t) => {
  const model = await given(
    batch([
      event(DAY + DAY_MS, 'alice', 'x'),
      event(DAY, 'alice', 'x', { type: 'error' }),
      event(DAY, 'alice', 'x', { session_id: 'other' }),
      event(DAY, 'bob', 'x'),
    ]),
    batch([event(DAY, 'alice', 'x')], { app: 'shop' }),
  );
  t.strictSame((await model.ask('activity', { user: 'alice' })).days, [
    { day: '2026-06-14', event_count: 3, error_count: 1, session_count: 3 },
    { day: '2026-06-15', event_count: 1, error_count: 0, session_count: 1 },
  ]);
  t.strictSame((await model.ask('activity', { user: 'alice', apps: ['shop'], to: DAY })).days, [
    { day: '2026-06-14', event_count: 1, error_count: 0, session_count: 1 },
  ]);
});
