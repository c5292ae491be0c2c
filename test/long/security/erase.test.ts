/** Erasure: a user is gone from every answer at once, and from every byte on the disk; everybody else is as if alone. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, statSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { verifyStore } from '../../../src/store/offline/verify.js';
import { openLmdbStore } from '../../../src/store/open-in-process.js';
import { startCollector } from '../../support/collector.js';
import { MAIN, runSpyglass } from '../../support/command.js';
import { apps, ask, event, get, NOON, postEvents, problemOf, SECOND, store } from '../../support/http.js';
import { textsOnDisk } from '../../support/on-disk.js';
import { chunk, upload } from '../../support/replay.js';
import type { EventsAnswer, UserRow } from '../../support/rows.js';
import { fillStore } from '../../support/stores.js';

const ALICE = 'alice-qzjx7vkw';
/** Texts that only she brought, wherever an event can hold one. */
const HERS = [
  ALICE,
  'session-qpwz81',
  'name-vjq93x',
  '/url-zkx72w',
  'prop-wqzj64',
  'person-xvkq05',
  'mail-zzqw19',
];

const hers = () => [
  event({
    user_id: ALICE,
    session_id: 'session-qpwz81',
    name: 'name-vjq93x',
    url: '/url-zkx72w',
    props: { note: 'prop-wqzj64' },
    user: { name: 'person-xvkq05', email: 'mail-zzqw19' },
  }),
  event({ user_id: ALICE, session_id: 'shared', name: 'view', ts: NOON + SECOND }),
  event({ user_id: ALICE, session_id: 'shared', name: 'cart', type: 'error', ts: NOON + 3 * SECOND }),
];
const others = () => [
  event({ user_id: 'bob', session_id: 'shared', name: 'view', ts: NOON + 2 * SECOND, user: { name: 'Bob' } }),
  event({ user_id: 'bob', session_id: 'own', name: 'cart', type: 'error', ts: NOON + 4 * SECOND }),
  event({ user_id: 'carol', session_id: 'own', name: 'view', ts: NOON - SECOND, type: 'pageview' }),
];

/** Every view's answer; ids are left out, for they are not given again. */
async function everyView(url: string): Promise<unknown> {
  const paths = ['', '&app=inventory', '&app=shop'].flatMap((app) =>
    [
      ...['events?limit=500', 'events?type=error', 'events?session=shared', `events?user=${ALICE}`],
      ...['users?limit=500', 'sessions?limit=500', `sessions?user=${ALICE}`, 'sessions?user=bob'],
      ...[
        'funnel?steps=view,cart',
        'aggregates?limit=100',
        `aggregates?from=${NOON}&to=${NOON + 2 * SECOND}`,
      ],
    ].map((path) => path + (path.includes('?') ? app : app.replace('&', '?'))),
  );
  const answers: Record<string, unknown> = {};
  for (const path of paths) {
    const { text } = await ask(url, `/v1/query/${path}`);
    const drop = (name: string, value: unknown) =>
      ['id', 'head', 'chunk_count'].includes(name) ? undefined : value;
    answers[path] = JSON.parse(text, drop);
  }
  return answers;
}

const erase = (url: string, body: object) =>
  ask(url, '/v1/erase', {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });

t.setTimeout(180_000);
const c = await startCollector({ apps: apps('inventory', 'shop') });
t.teardown(() => c.close());

t.test('a user erased is gone from every answer and every byte, and nobody else is touched', async (t) => {
  for (const app of ['inventory', 'shop']) {
    await store(c.url, app, [...hers(), ...others()], { batch_id: 'both-of-them' });
  }
  for (const session of ['session-qpwz81', 'shared', 'own']) {
    await upload(c.url, { app: 'inventory', session, seq: 1 }, chunk(`of ${session}`));
  }
  const never = await startCollector({ apps: apps('inventory', 'shop') });
  t.teardown(() => never.close());
  for (const app of ['inventory', 'shop']) await store(never.url, app, others());
  await c.restart();
  t.same(await textsOnDisk(c.dataDir, HERS), [...HERS].sort(), 'what is looked for can be found');

  const answer = await erase(c.url, { user: ALICE });
  t.equal(answer.status, 200, answer.text);
  t.match(JSON.parse(answer.text), {
    ...{ user: ALICE, events: 6, sessions: 4, chunks: 2, gone_from_reads: true, gone_from_disk: true },
    file_bytes_after: Number,
  });
  t.same(await everyView(c.url), await everyView(never.url));
  problemOf(await ask(c.url, '/v1/sessions/shared/replay/1?app=inventory'), 404);
  problemOf(await ask(c.url, '/v1/sessions/session-qpwz81/replay?app=inventory'), 404);
  t.equal((await ask(c.url, '/v1/sessions/own/replay/1?app=inventory')).status, 200);

  const again = await postEvents(c.url, {
    ...{ app: 'shop', key: 'sg_live_secret_of_shop', batch_id: 'both-of-them' },
    events: [...hers(), ...others()],
  });
  t.equal(again.status, 204);
  t.same(await everyView(c.url), await everyView(never.url), 'a retry does not bring her back');

  await c.restart();
  t.same(await everyView(c.url), await everyView(never.url), 'nor does a restart');
  t.same(await textsOnDisk(c.dataDir, HERS), []);
  t.equal((await verifyStore(c.dataDir, () => {})).problem, undefined);
});

t.test('she may come again, as somebody new', async (t) => {
  const { head } = await get<EventsAnswer>(c.url, '/v1/query/events');
  await store(c.url, 'shop', [event({ user_id: ALICE, session_id: 'fresh', ts: NOON + 9 * SECOND })]);
  const { users } = await get<{ users: UserRow[] }>(c.url, '/v1/query/users');
  const [row] = users.filter(({ user_id }) => user_id === ALICE);
  t.match(row, { app: 'shop', first_seen: NOON + 9 * SECOND, session_count: 1 });
  t.notOk(row?.name);
  const [newest] = (await get<EventsAnswer>(c.url, '/v1/query/events?limit=1')).events;
  t.ok((newest?.id ?? 0) > head, 'ids go on');
});

t.test('one app’s share can be erased alone', async (t) => {
  for (const app of ['inventory', 'shop'])
    await store(c.url, app, [event({ user_id: 'dave', name: `of ${app}` })]);
  t.match(JSON.parse((await erase(c.url, { user: 'dave', app: 'shop' })).text), { events: 1 });
  const { events } = await get<EventsAnswer>(c.url, '/v1/query/events?user=dave');
  t.same(
    events.map(({ name }) => name),
    ['of inventory'],
  );
  for (const body of [{ user: 'nobody' }, { user: 'dave', app: 'nothing' }]) {
    t.equal((await erase(c.url, body)).status, 404, 'nobody is refused');
  }
});

t.test('what cannot be an erasure is a 400, and another site may not ask for one', async (t) => {
  for (const body of [
    '',
    '[]',
    '{}',
    '{"user":""}',
    '{"user":5}',
    '{"user":["dave"]}',
    'user=dave',
    '{"user":"dave","app":1}',
  ]) {
    problemOf(await ask(c.url, '/v1/erase', { method: 'POST', body }), 400);
  }
  const headers = { 'sec-fetch-site': 'cross-site' };
  problemOf(await ask(c.url, '/v1/erase', { method: 'POST', body: '{"user":"dave"}', headers }), 403);
  problemOf(await ask(c.url, '/v1/erase'), 405);
  t.equal((await get<EventsAnswer>(c.url, '/v1/query/events?user=dave')).events.length, 1);
});

t.test('who asks or sends meanwhile is answered whole, or told to come again', async (t) => {
  const sent: string[] = [];
  let erasing = true;
  const work = async (number: number) => {
    for (let n = 0; erasing; n++) {
      const name = `meanwhile-${number}-${n}`;
      const body = { app: 'shop', key: 'sg_live_secret_of_shop', events: [event({ user_id: 'erin', name })] };
      const [taken, read, ready] = await Promise.all([
        postEvents(c.url, body),
        ask(c.url, '/v1/query/events?user=erin&limit=500'),
        ask(c.url, '/readyz'),
      ]);
      if (taken.status === 204) sent.push(name);
      else t.ok(problemOf(taken, 503) && taken.headers['retry-after']);
      if (read.status !== 200) t.ok(problemOf(read, 503) && read.headers['retry-after']);
      else t.notOk(sent.length > 500 && JSON.parse(read.text).events.length < 100);
      t.ok([200, 503].includes(ready.status));
      t.equal((await ask(c.url, '/healthz')).status, 200);
    }
  };
  const workers = Promise.all([1, 2].map(work));
  const receipts = await Promise.all([erase(c.url, { user: 'bob' }), erase(c.url, { user: 'carol' })]);
  for (const receipt of receipts) t.equal(receipt.status, 200, receipt.text);
  await sleep(50);
  erasing = false;
  await workers;
  const { events } = await get<EventsAnswer>(c.url, '/v1/query/events?user=erin&limit=500');
  const there = new Set(events.map(({ name }) => name));
  t.same(
    sent.slice(-400).filter((name) => !there.has(name)),
    [],
    'what was acknowledged is there',
  );
  const { users } = await get<{ users: UserRow[] }>(c.url, '/v1/query/users');
  t.notOk(users.some(({ user_id }) => user_id === 'bob' || user_id === 'carol'));
});

t.test('a crash anywhere in it only delays it', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'spyglass-erase-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const full = join(root, 'full');
  const total = await fillStore(full, { users: 12 });
  const opened = await openLmdbStore({ dataDir: full });
  const [user] = (await opened.ask('users', { limit: 1 })).users;
  const count = (await opened.ask('events', { user: user?.user_id ?? '', limit: 500 })).events.length;
  await opened.close();
  t.ok(count > 5 && user);
  const eraseIn = (dataDir: string) =>
    spawn(process.execPath, [MAIN, 'erase', '--user', user?.user_id ?? '', '--data', dataDir], {
      stdio: 'ignore',
    });
  const copyOf = async (name: string) => {
    const dataDir = join(root, name);
    await cp(full, dataDir, { recursive: true });
    return dataDir;
  };
  const start = performance.now();
  const whole = eraseIn(await copyOf('whole'));
  await once(whole, 'close');
  const wholeMs = performance.now() - start;
  let carriedOut = 0;
  for (let round = 0; round < 6; round++) {
    const dataDir = await copyOf(`round-${round}`);
    const child = eraseIn(dataDir);
    const ended = once(child, 'close');
    await sleep(wholeMs * (0.45 + round * 0.1));
    child.kill('SIGKILL');
    await ended;
    const after = await openLmdbStore({ dataDir });
    const { events } = await after.ask('events', { user: user?.user_id ?? '', limit: 500 });
    await after.close();
    const report = await verifyStore(dataDir, () => {});
    t.equal(report.problem, undefined);
    if (events.length === 0) {
      carriedOut++;
      t.ok(report.events < total && report.events >= total - count - 500);
      t.same(await textsOnDisk(dataDir, [user?.user_id ?? '']), []);
    } else t.equal(report.events, total, 'killed before it was asked for: nothing has happened');
  }
  t.comment(`${carriedOut} of 6 were carried out`);
});

t.test(
  'the command erases a folder, through a running collector too, and its receipt says both',
  async (t) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'spyglass-erase-'));
    t.teardown(() => rm(dataDir, { recursive: true, force: true }));
    await fillStore(dataDir, { users: 2 });
    const store = await openLmdbStore({ dataDir });
    const [first] = (await store.ask('users', { limit: 1 })).users;
    await store.close();
    const { code, stdout, stderr } = await runSpyglass([
      'erase',
      '--user',
      first?.user_id ?? '',
      '--data',
      dataDir,
    ]);
    t.equal(code, 0, stderr);
    t.match(
      stdout,
      /^ok .*erased from every app\n {2}events +[1-9]\d*, of [1-9]\d* sessions\n {2}replays +\d+ chunks/,
    );
    t.match(stdout, /answers +gone/);
    t.match(stdout, /disk +gone: the data file was rewritten/);
    t.match((await runSpyglass(['verify', '--data', dataDir])).stdout, /^ok/);
    const file = join(dataDir, 'spyglass.mdb');
    chmodSync(file, 0o640);
    try {
      chownSync(file, 1_000, 1_000);
    } catch {
      // Only the superuser may; for others the mode alone is looked at.
    }
    const { mode, uid } = statSync(file);
    const compacted = await runSpyglass(['compact', '--data', dataDir]);
    t.match(compacted.stdout, /^ok .*MiB/, compacted.stderr);
    const { mode: modeAfter, uid: uidAfter } = statSync(file);
    t.same([modeAfter, uidAfter], [mode, uid], 'whoever could use it still can');
    t.match((await runSpyglass(['verify', '--data', dataDir])).stdout, /^ok/);
  },
);
