/** `GET /v1/query/errors`, `/v1/query/occurrences` and what incidents tell of their neighbours, from outside. */
import t from 'tap';
import { startCollector } from '../support/collector.js';
import { apps, DAY, event, get, HOUR, NOON, refusal, store } from '../support/http.js';
import type { ErrorGroupsAnswer, EventsAnswer, IncidentAnswer } from '../support/rows.js';

const c = await startCollector({ apps: apps('shape', 'deep', 'kept', 'away') });
t.teardown(() => c.close());

/** An error thrown at a line of `app.js`. */
const thrown = (ts: number, line: number, over: object = {}) =>
  event({
    ts,
    type: 'error',
    name: 'TypeError: boom',
    props: { stack: `TypeError: boom\n    at f (https://a.example/app.js:${line}:1)` },
    ...over,
  });
const groups = async (query: string, url = c.url) =>
  (await get<ErrorGroupsAnswer>(url, `/v1/query/errors?${query}`)).groups;
const occurrences = (query: string) => get<EventsAnswer>(c.url, `/v1/query/occurrences?${query}`);
const incident = (id: number) => get<IncidentAnswer>(c.url, `/v1/incidents/${id}`);

t.test('a group tells how often, whom, when and where', async (t) => {
  await store(c.url, 'shape', [
    thrown(NOON, 3),
    thrown(NOON + DAY, 3, { user_id: 'bob' }),
    thrown(NOON + DAY, 9),
    thrown(NOON + DAY, 3, { user_id: 'bob', session_id: 's_2' }),
    thrown(NOON, 3, { type: 'event' }),
  ]);
  const [first, second, ...others] = await groups('app=shape');
  t.same(others, []);
  t.same(first, {
    group: first?.group,
    app: 'shape',
    name: 'TypeError: boom',
    frame: 'f (/app.js:3:1)',
    count: 3,
    user_count: 2,
    first_seen: NOON,
    last_seen: NOON + DAY,
    last_event_id: 4,
    by_day: [
      { day: '2026-06-14', count: 1 },
      { day: '2026-06-15', count: 2 },
    ],
  });
  t.match(second, { frame: 'f (/app.js:9:1)', count: 1 });
  t.match(await groups(`app=shape&to=${NOON + HOUR}`), [{ count: 1, user_count: 1, last_event_id: 1 }]);
  t.match(await groups(`group=${second?.group}`), [{ group: second?.group }]);
  t.same(await groups(`group=${second?.group}&app=away`), []);
  t.match(await groups('app=shape&limit=1'), [{ group: first?.group }]);
});

t.test('its occurrences page from the newest on, each exactly once', async (t) => {
  const events = Array.from({ length: 30 }, (_, i) =>
    thrown(NOON + (i % 7) * DAY, 1 + (i % 3 === 0 ? 1 : 0)),
  );
  await store(c.url, 'deep', events);
  const [group] = await groups('app=deep');
  t.equal(group?.count, 20);
  const found: number[] = [];
  let cursor = '';
  for (let pages = 0; pages < 4; pages++) {
    const page = await occurrences(`group=${group?.group}&limit=6&cursor=${cursor}`);
    found.push(...page.events.map(({ id }) => id));
    cursor = page.next_cursor ?? '';
  }
  t.equal(cursor, '');
  const newest = await get<EventsAnswer>(c.url, '/v1/query/events?app=deep&type=error');
  const expected = newest.events.filter(({ props }) => JSON.stringify(props).includes('app.js:1:'));
  t.same(
    found,
    expected.map(({ id }) => id),
  );
  t.same((await occurrences(`group=${group?.group}&from=${NOON + 6 * DAY}`)).events, expected.slice(0, 2));
  for (const [place, id] of found.entries()) {
    const { previous_id, next_id, group: own } = await incident(id);
    t.same([previous_id, next_id, own], [found[place + 1], found[place - 1], group?.group]);
  }
});

t.test('an id of no group finds nothing, and none at all is refused', async (t) => {
  for (const id of [
    'g',
    '1-1-0000000000000000',
    'zzzz-zzzzzzz-ffffffffffffffff',
    '../..',
    '__proto__',
    '%00',
  ]) {
    t.same((await occurrences(`group=${id}`)).events, [], id);
    t.same(await groups(`group=${id}`), [], id);
  }
  const { errors } = await refusal(c.url, '/v1/query/occurrences', 400);
  t.match(errors, [{ path: 'group', message: 'is required' }]);
});

t.test('a group lives through a restart, and retention takes its days', async (t) => {
  await store(c.url, 'kept', [thrown(NOON - 40 * DAY, 3), thrown(NOON, 3)]);
  const [before] = await groups('app=kept');
  t.equal(before?.count, 2);
  await c.restart();
  t.same(await groups('app=kept'), [before]);
  await c.store.sweep({ eventsBefore: NOON - DAY / 2 });
  t.match(await groups('app=kept'), [{ group: before?.group, count: 1, first_seen: NOON }]);
});
