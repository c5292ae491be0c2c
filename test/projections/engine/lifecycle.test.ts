/** A view of another version is folded anew from the log, its reads refused until then, through crashes and commits. */
import t from 'tap';
import type { JsonText } from '../../../src/domain/event.js';
import { type Log, META, openLog } from '../../../src/log/batches/log.js';
import { type Env, openEnv } from '../../../src/log/file/env.js';
import { planApply } from '../../../src/log/wal/apply.js';
import { beginCommit } from '../../../src/log/wal/commit.js';
import { baseOn } from '../../../src/log/wal/pending.js';
import { openViews, type Views } from '../../../src/projections/engine/lifecycle.js';
import { type Projection, ViewNotReady } from '../../../src/projections/engine/projection.js';
import { servingViews } from '../../../src/projections/engine/serving.js';
import { readViewStates } from '../../../src/projections/engine/states.js';

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
const ten = counting(2, 10);
const other = counting(1, 1, { name: 'other', tables: ['other'] });

interface Opened {
  env: Env;
  log: Log;
  views: Views;
  broken: string[];
  /** Stores a batch of two events, in one transaction with the views, as the writer does. */
  commit(): void;
  /** What a read of a view answers. */
  count(table?: string): number;
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
      const application = planApply(log, [sealed.bytes]);
      const folded = views.fold(application.batches(), application.nextOffset);
      env.transaction(() => {
        application.write();
        folded.write();
      });
    },
    count: (table = 'counted') =>
      servingViews(env, log, projections).table(table).get(KEY)?.readUInt32BE(0) ?? 0,
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

t.test('a view of another version answers nothing until it has caught up, commits included', async (t) => {
  const dataDir = t.testdir();
  await filledStore(dataDir);
  let events = 2 * COMMITS;
  let steps = 0;
  for (let isDone = false; !isDone; ) {
    // Each turn is a process of its own: whatever a crash leaves, the next one goes on from there.
    const store = open(dataDir, [ten, other]);
    t.throws(() => store.count(), ViewNotReady, 'neither the old answer nor a part of the new one');
    const step = store.views.step(STEP_BATCHES);
    isDone = step === undefined || step.done === step.total;
    steps++;
    if (!isDone) t.throws(() => store.count(), ViewNotReady, 'half an answer is none');
    store.commit();
    events += 2;
    if (isDone) t.equal(store.count(), 10 * events, 'a commit is in the answer at once');
    await store.env.close();
  }
  t.ok(steps > 5, `${steps} steps: a crash costs one of them`);
  const store = open(dataDir, [ten, other]);
  t.equal(store.count(), 10 * events);
  t.equal(store.count('other'), events, 'and so does another view that is new');
  t.equal(store.views.step(STEP_BATCHES), undefined, 'nothing is left to do');
  await store.env.close();
});

t.test('a view that has caught up answers while another is being folded', async (t) => {
  const dataDir = t.testdir();
  await filledStore(dataDir);
  const store = open(dataDir, [one, other]);
  t.equal(store.count(), 2 * COMMITS, 'before the first step');
  store.views.step(STEP_BATCHES);
  store.commit();
  t.equal(store.count(), 2 * COMMITS + 2);
  t.throws(() => store.count('other'), ViewNotReady);
  await store.env.close();
});

t.test('a release that comes amid it begins its own version anew', async (t) => {
  const dataDir = t.testdir();
  await filledStore(dataDir);
  for (const projection of [ten, counting(3, 100), one]) {
    const amid = open(dataDir, [projection]);
    amid.views.step(STEP_BATCHES);
    t.throws(() => amid.count(), ViewNotReady);
    await amid.env.close();
  }
  const store = open(dataDir, [one]);
  while (store.views.step(STEP_BATCHES));
  t.equal(store.count(), 2 * COMMITS);
  await store.env.close();
});

t.test('a crash while its tables are emptied: neither release takes what is left for the view', async (t) => {
  const dataDir = t.testdir();
  const tables = ['counted', 'also'];
  const inBoth = (version: number): Projection => {
    const { open: openFirst } = counting(version, 1);
    const { open: openSecond } = counting(version, 1, { tables: ['also'] });
    return {
      ...counting(version, 1, { tables }),
      open(stage) {
        const foldings = [openFirst(stage), openSecond(stage)];
        return {
          add: (batch) => foldings.forEach(({ add }) => void add(batch)),
          finish: () => foldings.forEach(({ finish }) => void finish()),
        };
      },
    };
  };
  const [before, after] = [inBoth(1), inBoth(2)];
  const filled = open(dataDir, [before]);
  filled.views.step(STEP_BATCHES);
  filled.commit();
  await filled.env.close();

  let transactions = 0;
  const env = openEnv(dataDir, { mode: 'write' });
  const log = openLog(env);
  const views = openViews(env, log, {
    projections: [after],
    onBroken: () => {},
    transact(write) {
      if (++transactions === 2) throw new Error('cut off');
      env.transaction(write);
    },
  });
  t.throws(() => views.step(STEP_BATCHES), /cut off/);
  t.same(
    tables.map((table) => env.table(table).entryCount()),
    [0, 1],
    'a table a transaction',
  );
  for (const projection of [before, after])
    t.throws(() => servingViews(env, log, [projection]).table('also').get(KEY), ViewNotReady);
  await env.close();

  const store = open(dataDir, [after]);
  while (store.views.step(STEP_BATCHES));
  for (const table of tables) t.equal(store.env.table(table).get(KEY)?.readUInt32BE(0), 2, table);
  await store.env.close();
});

t.test('a view in the second tables of a release before is folded anew, and those are removed', async (t) => {
  const dataDir = t.testdir();
  await filledStore(dataDir);
  const env = openEnv(dataDir, { mode: 'write' });
  const log = openLog(env);
  const { counting: state } = readViewStates(log);
  const [first, second] = [env.table('counted'), env.table('counted.1')];
  env.transaction(() => {
    second.put(KEY, first.get(KEY) ?? Buffer.alloc(4));
    first.clear();
    log.tables.meta.put(META.views, Buffer.from(JSON.stringify({ counting: { ...state, slot: 1 } })));
  });
  t.throws(() => servingViews(env, log, [one]).table('counted').get(KEY), ViewNotReady);
  await env.close();

  const store = open(dataDir, [one]);
  while (store.views.step(STEP_BATCHES));
  t.equal(store.count(), 2 * COMMITS);
  t.notOk(store.env.tableNames().includes('counted.1'));
  t.ok(store.env.tableNames().includes('counted'));
  store.commit();
  await store.env.close();
  const again = open(dataDir, [one]);
  t.equal(again.count(), 2 * COMMITS + 2);
  await again.env.close();
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
