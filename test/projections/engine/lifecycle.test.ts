/** A view of two versions: the new one is folded beside the old one, which serves until then, through crashes and commits. */
import t from 'tap';
import type { JsonText } from '../../../src/domain/event.js';
import { type Log, openLog } from '../../../src/log/batches/log.js';
import { type Env, openEnv } from '../../../src/log/file/env.js';
import { readGroups } from '../../../src/log/wal/apply.js';
import { beginCommit } from '../../../src/log/wal/commit.js';
import { baseOn } from '../../../src/log/wal/pending.js';
import { openViews, servingViews, type Views } from '../../../src/projections/engine/lifecycle.js';
import { type Projection, ViewNotReady } from '../../../src/projections/engine/projection.js';
import { tableIn } from '../../../src/projections/registry.js';

const NOW = Date.UTC(2026, 5, 1, 12);
const KEY = Buffer.from('events');
const COMMITS = 30;
const STEP_BATCHES = 7;

/** Counts events, each as so many. */
function counting(version: number, each: number, extra: Partial<Projection> = {}): Projection {
  const [table = 'counted'] = extra.tables ?? [];
  return {
    name: 'counting',
    version,
    tables: [table],
    open(stage) {
      let events = 0;
      return {
        add({ count }) {
          events += count;
        },
        finish() {
          const rows = stage.table(table);
          const before = rows.get(KEY)?.readUInt32BE(0) ?? 0;
          const value = Buffer.alloc(4);
          value.writeUInt32BE(before + each * events);
          rows.put(KEY, value);
          events = 0;
        },
      };
    },
    ...extra,
  };
}

const one = counting(1, 1);
const ten = counting(2, 10, { previous: one });

interface Opened {
  env: Env;
  log: Log;
  views: Views;
  broken: string[];
  /** Stores a batch of two events, in one transaction with the views, as the writer does. */
  commit(): void;
  /** What a read of the view answers. */
  count(): number;
}

function open(dataDir: string, projections: readonly Projection[]): Opened {
  const env = openEnv(dataDir, { mode: 'write' });
  const log = openLog(env);
  const broken: string[] = [];
  const views = openViews(env, log, {
    transact: env.transaction,
    onBroken: ({ view, error }) => broken.push(`${view}: ${error.message}`),
    projections,
  });
  let n = 0;
  return {
    env,
    log,
    views,
    broken,
    commit() {
      const commit = beginCommit(baseOn(log));
      commit.add({
        app: 'shop',
        receivedAt: NOW,
        events: [0, 1].map((i) => ({
          ts: NOW + i,
          user_id: 'u',
          session_id: `s${n++}`,
          type: 'event',
          name: 'n',
          props: '{}' as JsonText,
        })),
      });
      const sealed = commit.seal();
      if (!sealed) throw new Error('nothing to seal');
      const application = readGroups(log, [sealed.bytes]);
      const folded = views.fold(application.batches(), application.nextOffset);
      env.transaction(() => {
        application.write();
        folded.write();
      });
    },
    count: () => servingViews(env, log, projections).table('counted').get(KEY)?.readUInt32BE(0) ?? 0,
  };
}

/** A store with some events, folded by version 1. */
async function filledStore(dataDir: string): Promise<void> {
  const store = open(dataDir, [one]);
  store.views.step(STEP_BATCHES);
  for (let i = 0; i < COMMITS; i++) store.commit();
  t.equal(store.count(), 2 * COMMITS);
  await store.env.close();
}

t.test('the old version serves, commits included, until the new one has caught up', async (t) => {
  const dataDir = t.testdir();
  await filledStore(dataDir);
  let events = 2 * COMMITS;
  let steps = 0;
  for (let isDone = false; !isDone; ) {
    // Each turn is a process of its own: whatever a crash leaves, the next one goes on from there.
    const store = open(dataDir, [ten]);
    t.equal(store.count(), events, 'the old answer, right away');
    const step = store.views.step(STEP_BATCHES);
    isDone = step === undefined || step.done === step.total;
    steps++;
    if (!isDone) t.equal(store.count(), events, 'and still, with a part of the new one there');
    store.commit();
    events += 2;
    t.equal(store.count(), isDone ? 10 * events : events, 'a commit is in the answer at once');
    await store.env.close();
  }
  t.ok(steps > 5, `${steps} steps`);
  const store = open(dataDir, [ten]);
  t.equal(store.count(), 10 * events);
  t.equal(store.views.step(STEP_BATCHES), undefined, 'nothing is left to do');
  t.equal(store.env.table(tableIn(0, 'counted')).entryCount(), 0, 'what served before is emptied');
  await store.env.close();
});

t.test('a third version goes back to the first set of tables', async (t) => {
  const dataDir = t.testdir();
  await filledStore(dataDir);
  for (const projection of [ten, counting(3, 100, { previous: ten })]) {
    const store = open(dataDir, [projection]);
    while (store.views.step(STEP_BATCHES));
    await store.env.close();
  }
  const store = open(dataDir, [counting(3, 100)]);
  t.equal(store.count(), 200 * COMMITS);
  t.equal(store.env.table(tableIn(1, 'counted')).entryCount(), 0);
  await store.env.close();
});

t.test('a release that comes amid it begins its own version anew', async (t) => {
  const dataDir = t.testdir();
  await filledStore(dataDir);
  const second = open(dataDir, [ten]);
  second.views.step(STEP_BATCHES);
  await second.env.close();
  const third = open(dataDir, [counting(3, 100, { previous: one })]);
  t.equal(third.count(), 2 * COMMITS);
  while (third.views.step(STEP_BATCHES));
  t.equal(third.count(), 200 * COMMITS);
  await third.env.close();
});

t.test('without the old version the reads wait, and commits do not', async (t) => {
  const dataDir = t.testdir();
  await filledStore(dataDir);
  const store = open(dataDir, [counting(2, 10), counting(1, 1, { name: 'other', tables: ['other'] })]);
  t.throws(() => store.count(), ViewNotReady);
  store.commit();
  store.views.step(STEP_BATCHES);
  t.throws(() => store.count(), ViewNotReady, 'half an answer is none');
  store.commit();
  while (store.views.step(STEP_BATCHES));
  t.equal(store.count(), 10 * (2 * COMMITS + 4));
  await store.env.close();
});

t.test('a view that lost its table is folded anew, not taken for empty', async (t) => {
  const dataDir = t.testdir();
  await filledStore(dataDir);
  const renamed = counting(1, 1, { tables: ['counted', 'lost'] });
  const store = open(dataDir, [renamed]);
  t.throws(() => store.count(), ViewNotReady);
  while (store.views.step(STEP_BATCHES));
  t.equal(store.count(), 2 * COMMITS);
  await store.env.close();
});

t.test('a view whose fold throws holds up nothing, and a release that mends it folds it anew', async (t) => {
  const dataDir = t.testdir();
  await filledStore(dataDir);
  let isIll = false;
  const ill: Projection = {
    ...one,
    open(stage) {
      const { add, finish } = one.open(stage);
      return {
        add,
        finish() {
          finish();
          if (isIll) throw new Error('too many events');
        },
      };
    },
  };
  const other = counting(1, 1, { name: 'other', tables: ['other'] });
  const store = open(dataDir, [ill, other]);
  while (store.views.step(STEP_BATCHES));
  isIll = true;
  store.commit();
  t.same(store.broken, ['counting: too many events']);
  t.equal(store.log.head(), 2 * COMMITS + 2, 'the log goes on');
  t.throws(() => store.count(), ViewNotReady, 'nothing is answered from what it lacks an event in');
  store.commit();
  t.equal(store.broken.length, 1, 'it is told once');
  await store.env.close();

  const again = open(dataDir, [ill, other]);
  while (again.views.step(STEP_BATCHES));
  t.same(again.broken, ['counting: too many events'], 'a start with the same release opens all the same');
  await again.env.close();

  const mended = open(dataDir, [one, other]);
  while (mended.views.step(STEP_BATCHES));
  t.equal(mended.count(), 2 * COMMITS + 4);
  await mended.env.close();
});
