/** The rules that hold for every route: parameters, times, errors, secrets, and reads that fail. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { QuestionName } from '../../src/questions/index.js';
import type { Store } from '../../src/store/port.js';
import { startCollector } from '../support/collector.js';
import { filesUnder } from '../support/files.js';
import {
  type Answer,
  apps,
  ask,
  basic,
  event,
  get,
  keyOf,
  NOON,
  postEvents,
  problemOf,
  refusal,
  store,
} from '../support/http.js';
import { GOOD, ROUTES } from '../support/reading-routes.js';
import { chunk, postReplay, upload } from '../support/replay.js';
import type { EventsAnswer } from '../support/rows.js';

const c = await startCollector({ apps: apps('inventory', 'shop'), limits: { body_bytes: 10_000 } });
t.teardown(() => c.close());
await store(c.url, 'inventory', [
  event({ type: 'error', name: 'a' }),
  event({ type: 'pageview', name: 'b' }),
]);
await upload(c.url, { app: 'inventory', session: 's_1', seq: 1 });

/** Asserts that a 400 names the parameter where people look, and where programs do. */
async function assertNamed(path: string, name: string) {
  const { detail, errors } = await refusal(c.url, path, 400);
  t.ok(detail.includes(name) || errors?.some((error) => error.path === name), `${path}: ${detail}`);
  t.ok(
    errors?.some((error) => error.path === name && error.message.length > 0),
    `${path}: ${JSON.stringify(errors)}`,
  );
}

t.test('COM-01 COM-13 an empty parameter counts as absent, and answers are JSON', async (t) => {
  for (const [route, names] of ROUTES) {
    const plain = await ask(c.url, route);
    t.equal(plain.status, 200);
    t.match(plain.headers['content-type'], /^application\/json\b/);
    for (const empty of [
      ...names.map((name) => `${name}=`),
      ...names,
      names.map((name) => `${name}=`).join('&'),
    ]) {
      const answer = await ask(c.url, `${route}${empty}`);
      t.equal(answer.status, 200, `${route}${empty}: ${answer.text}`);
      t.same(answer.bytes, plain.bytes);
    }
  }
});

t.test('COM-02 COM-12 a malformed parameter is a 400 that names it', async () => {
  const malformed: Record<string, string[]> = {
    from: [
      'abc',
      '-1',
      '1.5',
      '1e3',
      '0x10',
      '%201',
      '1%20',
      'NaN',
      'null',
      String(2 ** 48),
      '9'.repeat(30),
      '%2B1',
    ],
    limit: ['0', '-1', 'abc', '1.5', '1e2', 'Infinity', '%2010', '10x', 'null'],
    type: ['foo', 'Error', 'error,event', '%20error', 'toString'],
    cursor: ['x', '-', '%F0'],
  };
  malformed.to = malformed.from ?? [];
  for (const [route, names] of ROUTES) {
    for (const name of names) {
      for (const value of malformed[name] ?? []) await assertNamed(`${route}${name}=${value}`, name);
    }
  }
});

t.test('COM-12 times reach from 0 to 2^48 - 1', async (t) => {
  for (const [route, names] of ROUTES.filter(([, names]) => names.includes('from'))) {
    t.ok(names.includes('to'));
    t.equal((await ask(c.url, `${route}from=0&to=${2 ** 48 - 1}`)).status, 200);
  }
  const { events } = await get<EventsAnswer>(c.url, `/v1/query/events?from=0&to=${2 ** 48 - 1}`);
  t.equal(events.length, 2);
});

t.test('COM-03 a parameter given twice is a 400 that names it', async () => {
  for (const [route, names] of ROUTES) {
    for (const name of names) {
      const value = GOOD[name] ?? '';
      for (const twice of [`${name}=${value}&${name}=${value}`, `${name}=&${name}=${value}`]) {
        await assertNamed(`${route}${twice}`, name);
      }
    }
  }
  await assertNamed('/v1/query/funnel?steps=a,b&steps=a,b', 'steps');
  await assertNamed('/v1/query/events?type=error&limit=3&type=event', 'type');
});

t.test('COM-04 a limit above its cap is lowered', async (t) => {
  for (const limit of ['501', '1000000', '9007199254740991', '9'.repeat(40)]) {
    for (const [route] of ROUTES.filter(([, names]) => names.includes('limit'))) {
      t.equal((await ask(c.url, `${route}limit=${limit}`)).status, 200, `${route}${limit}`);
    }
  }
});

const EMPTY: [string, object][] = [
  ['/v1/query/events?', { events: [] }],
  [
    '/v1/query/funnel?steps=a,b&',
    {
      steps: [
        { name: 'a', count: 0 },
        { name: 'b', count: 0 },
      ],
    },
  ],
  ['/v1/query/aggregates?', { dau: [], top_events: [], top_pages: [], errors_by_day: [] }],
  ['/v1/query/errors?', { groups: [] }],
  ['/v1/query/occurrences?group=g&', { events: [] }],
  ['/v1/query/activity?user=alice&', { days: [] }],
];

t.test('COM-05 from after to is an empty answer', async (t) => {
  for (const [route, empty] of EMPTY) {
    for (const bounds of [`from=${NOON + 1}&to=${NOON}`, `from=${2 ** 48 - 1}&to=0`]) {
      const { head: _, ...answer } = await get<Partial<EventsAnswer>>(c.url, `${route}${bounds}`);
      t.same(answer, empty, `${route}${bounds}`);
    }
  }
});

t.test('COM-06 an app nobody configured is an empty answer', async (t) => {
  const all: [string, object][] = [
    ...EMPTY,
    ['/v1/query/users?', { users: [] }],
    ['/v1/query/sessions?', { sessions: [] }],
  ];
  for (const [route, empty] of all) {
    for (const app of [
      'nobody',
      'INVENTORY',
      '__proto__',
      'constructor',
      'a'.repeat(3_000),
      '%00',
      '%E2%82%AC',
    ]) {
      const { head: _, ...answer } = await get<Partial<EventsAnswer>>(c.url, `${route}app=${app}`);
      t.same(answer, empty, `${route}${app}`);
    }
  }
});

t.test('COM-06 a user or session that cannot be is an empty answer', async (t) => {
  const long = ['x'.repeat(300), 'x'.repeat(5_000), '%E2%82%AC'.repeat(1_500), '%00', '..'];
  for (const value of long) {
    for (const filter of [
      'events?user',
      'events?session',
      'events?type=error&user',
      'events?app=inventory&session',
    ]) {
      t.same((await get<EventsAnswer>(c.url, `/v1/query/${filter}=${value}`)).events, []);
    }
    t.same(await get(c.url, `/v1/query/sessions?user=${value}`), { sessions: [] });
    const steps = await get<{ steps: { count: number }[] }>(c.url, `/v1/query/funnel?steps=${value},a`);
    t.same(
      steps.steps.map((step) => step.count),
      [0, 0],
    );
  }
});

t.test('COM-07 errors are problems', async () => {
  const body = { app: 'inventory', key: keyOf('inventory'), events: [event()] };
  problemOf(await postEvents(c.url, '{'), 400);
  problemOf(await postEvents(c.url, { ...body, key: 'x' }), 401);
  problemOf(await postEvents(c.url, ' '.repeat(10_001)), 413);
  problemOf(await ask(c.url, '/v1/none'), 404);
  problemOf(await ask(c.url, '/v1/sessions/none/replay'), 404);
  problemOf(await ask(c.url, '/v1/events'), 405);
  problemOf(await ask(c.url, '/v1/query/events?limit=0'), 400);
  problemOf(await ask(c.url, '/v1/query/events?user=%ff'), 400);
});

t.test('COM-08 validation problems say where, with the index of the event', async (t) => {
  const send = async (events: readonly unknown[], over: object = {}) =>
    problemOf(await postEvents(c.url, { app: 'inventory', key: keyOf('inventory'), events, ...over }), 400);
  const cases: [object, string][] = [
    [{ type: 'foo' }, 'type'],
    [{ ts: -1 }, 'ts'],
    [{ user_id: '' }, 'user_id'],
    [{ session_id: '..' }, 'session_id'],
    [{ name: undefined }, 'name'],
    [{ url: 5 }, 'url'],
    [{ props: [] }, 'props'],
    [{ user: { email: 5 } }, 'user'],
  ];
  for (const [over, field] of cases) {
    const { errors } = await send([event(), event(), event(over), event()]);
    const paths = errors?.map((error) => error.path) ?? [];
    t.ok(paths.length > 0 && paths.every((path) => /\b2\b/.test(path)), `${field}: ${paths}`);
    t.ok(
      paths.some((path) => path.includes(field)),
      `${field}: ${paths}`,
    );
    t.ok(errors?.every((error) => error.message.length > 0));
  }
  const notOne = await send([event(), 5]);
  t.ok(notOne.errors?.some((error) => /\b1\b/.test(error.path)));
  const envelope = await send([], { batch_id: 'short' });
  t.ok(envelope.errors?.some((error) => error.path === 'batch_id'));
  const many = await send(Array.from({ length: 60 }, () => event({ type: 'foo' })));
  t.ok(Number(many.errors?.length) > 0);
});

t.test('COM-09 COM-10 no answer and no log line has a key or password', async (t) => {
  const PASSWORD = 'the-password-itself';
  const guarded = await startCollector({
    apps: apps('inventory', 'shop'),
    auth: { dashboard_password: PASSWORD },
  });
  t.teardown(() => guarded.close());
  const { url } = guarded;
  const key = keyOf('inventory');
  const secrets = [
    key,
    keyOf('shop'),
    PASSWORD,
    'sg_live_guessed',
    'guessed-password',
    basic(PASSWORD).authorization.slice(6),
  ];
  const read = { headers: basic(PASSWORD) };
  const good = { app: 'inventory', key, events: [event()] };
  const answers: Answer[] = [
    await postEvents(url, good),
    await postEvents(url, { ...good, events: [event({ type: 'foo' })] }),
    await postEvents(url, { ...good, key: 'sg_live_guessed' }),
    await postEvents(url, { ...good, app: key }),
    await postEvents(url, `{"app":"inventory","key":"${key}",}`),
    await postEvents(url, `"${key}`),
    await postEvents(url, key),
    await postEvents(url, { ...good, key: [key] }),
    await postEvents(url, { ...good, batch_id: { key } }),
    await postEvents(url, good, {
      headers: { 'x-spyglass-key': key, authorization: `Bearer ${key}`, 'content-encoding': key },
    }),
    await ask(url, `/v1/events?key=${key}`, { body: JSON.stringify({ ...good, key: 'sg_live_guessed' }) }),
    await postReplay(url, 'session=s&seq=1', chunk('x'), key),
    await postReplay(url, 'session=s&seq=0', chunk('x'), key),
    await postReplay(url, `session=s&seq=2&key=${key}`, chunk('x'), key),
    await postReplay(url, `session=s&seq=${key}&app=inventory`, chunk('x'), key),
    await postReplay(url, 'session=s&seq=1', chunk('x'), 'sg_live_guessed'),
    await postReplay(url, `session=s&seq=1&app=${key}`, chunk('x'), key),
    await ask(url, '/v1/query/users', { headers: basic('guessed-password') }),
    await ask(url, `/v1/none?password=${PASSWORD}`, read),
    await ask(url, `/v1/query/events?limit=${key}`, read),
    await ask(url, `/v1/query/events?type=${PASSWORD}&app=${key}`, read),
    await ask(url, `/v1/incidents/${key}`, read),
  ];
  for (const path of [
    '/',
    '/v1/query/events',
    '/v1/query/users',
    '/metrics',
    '/openapi.json',
    '/docs/',
    '/healthz',
    '/readyz',
  ]) {
    answers.push(await ask(url, path, read));
  }
  const failing = async () => {
    throw new Error(`a failure that quotes ${key}`);
  };
  t.intercept(guarded.store, 'answer', { value: failing });
  const failed = await ask(url, '/v1/query/users', read);
  t.equal(failed.status, 500);
  answers.push(failed);

  t.ok((await ask(url, '/v1/apps', read)).text.includes(key), 'but the apps');
  for (const { text, headers, status } of answers) {
    const whole = text + JSON.stringify(headers);
    for (const secret of secrets) t.notOk(whole.includes(secret), `${status} ${text.slice(0, 200)}`);
  }
  const quoting = guarded.lines.filter((line) => !line.includes('a failure that quotes'));
  for (const secret of secrets)
    t.same(
      quoting.filter((line) => line.includes(secret)),
      [],
      'no log line',
    );
});

t.test('COM-11 a read that fails answers 5xx, and says nothing of the inside', async (t) => {
  const failing = async () => {
    throw new Error('the inside');
  };
  const asked: Record<QuestionName, string> = {
    events: '/v1/query/events',
    event: '/v1/events/1',
    users: '/v1/query/users',
    sessions: '/v1/query/sessions',
    funnel: '/v1/query/funnel?steps=a,b',
    aggregates: '/v1/query/aggregates',
    names: '/v1/query/names',
    activity: '/v1/query/activity?user=alice',
    errors: '/v1/query/errors',
    occurrences: '/v1/query/occurrences?group=g',
    incident: '/v1/incidents/1',
    replay: '/v1/sessions/s_1/replay',
  };
  const chunk = '/v1/sessions/s_1/replay/1';
  const { answer: real } = c.store;
  const failingOnly = (failed: string) =>
    ((kind, ...rest) => (kind === failed ? failing() : real(kind, ...rest))) as Store['answer'];
  const reads: [path: string, broken: Partial<Store>][] = [
    ...Object.entries(asked).map(([kind, path]): [string, Partial<Store>] => [
      path,
      { answer: failingOnly(kind) },
    ]),
    [chunk, { chunk: failing }],
    [chunk, { sessionApps: failing }],
  ];
  for (const [path, broken] of reads) {
    const whole = { ...c.store };
    t.equal((await ask(c.url, path)).status, 200, path);
    Object.assign(c.store, broken);
    const answer = await ask(c.url, path);
    Object.assign(c.store, whole);
    t.ok(answer.status >= 500, `${path}: ${answer.status}`);
    problemOf(answer, answer.status);
    t.notMatch(answer.text, 'inside');
  }
});

t.test('COM-11 a damaged record is a 5xx, never a list without it', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'spyglass-damage-'));
  t.teardown(() => rm(dataDir, { recursive: true, force: true }));
  const whole = await startCollector({ apps: apps('inventory'), dataDir });
  const marker = randomBytes(24).toString('hex');
  for (const [i, props] of [undefined, { marker }, undefined].entries()) {
    await store(whole.url, 'inventory', [event({ ts: NOON + i * 3_600_000, props })]);
  }
  await whole.close();
  let damaged = 0;
  for (const file of await filesUnder(dataDir)) {
    const bytes = await readFile(file);
    for (let at = bytes.indexOf(marker); at !== -1; at = bytes.indexOf(marker, at + 1), damaged++)
      bytes[at] = 0x21;
    if (damaged > 0) await writeFile(file, bytes);
  }
  t.ok(damaged > 0, 'the record was found on disk');
  const broken = await startCollector({ apps: apps('inventory'), dataDir });
  t.teardown(() => broken.close());
  const answer = await ask(broken.url, '/v1/query/events');
  t.ok(answer.status >= 500, `${answer.status} ${answer.text}`);
  problemOf(answer, answer.status);
});

t.test('COM-14 parameters nobody knows do no harm', async (t) => {
  for (const [route] of ROUTES) {
    const answer = await ask(c.url, `${route}foo=bar&foo=baz&__proto__=x&constructor=y`);
    t.equal(answer.status, 200, route);
    t.same(answer.bytes, (await ask(c.url, route)).bytes);
  }
});
