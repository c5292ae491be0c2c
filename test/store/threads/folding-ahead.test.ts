/** A rebuild by two threads, one folding ahead of the one that writes: the same rows as any other, cut off or not. */
import t, { type Test } from 'tap';
import type { EventRequest } from '../../../src/domain/event.js';
import { DAY_MS } from '../../../src/domain/limits.js';
import { type Log, openLog } from '../../../src/log/batches/log.js';
import { type Env, openEnv } from '../../../src/log/file/env.js';
import type { FoldingProgress } from '../../../src/projections/engine/lifecycle.js';
import { forgetViews } from '../../../src/projections/rebuild.js';
import { rebuildStore } from '../../../src/store/offline/rebuild.js';
import { verifyStore } from '../../../src/store/offline/verify.js';
import { openLmdbStore } from '../../../src/store/open-in-process.js';
import { foldAhead } from '../../../src/store/threads/folding-ahead.js';

const START = Date.UTC(2026, 2, 1);
const REQUESTS = 300;
/** So that sessions, users, names and hours go on from one group to the next. */
const GROUP_BATCHES = 7;

const request = (n: number): EventRequest => ({
  app: n % 5 === 0 ? 'billing' : 'inventory',
  receivedAt: START,
  events: Array.from({ length: 1 + (n % 4) }, (_, i) => ({
    ts: START + ((n * 97_000) % (2 * DAY_MS)) + i * 10,
    user_id: `user-${n % 11}`,
    session_id: `s_${n % 23}`,
    type: n % 7 === i ? ('error' as const) : ('event' as const),
    name: `name-${(n + i) % 13}`,
  })),
});

async function forgottenStore(t: Test): Promise<string> {
  const dataDir = t.testdir();
  const store = await openLmdbStore({ dataDir, now: () => START });
  await store.append(Array.from({ length: REQUESTS }, (_, n) => request(n)));
  await store.close();
  await withLog(dataDir, async (env, log) => forgetViews(env, log));
  return dataDir;
}

async function withLog<T>(dataDir: string, use: (env: Env, log: Log) => Promise<T>): Promise<T> {
  const env = openEnv(dataDir, { mode: 'write' });
  try {
    return await use(env, openLog(env));
  } finally {
    await env.close();
  }
}

const fold = (dataDir: string, onProgress: (progress: FoldingProgress) => void) =>
  withLog(dataDir, (env, log) => foldAhead(env, log, onProgress, GROUP_BATCHES));

t.test('every group goes on from the one before', async (t) => {
  const dataDir = await forgottenStore(t);
  const done: number[] = [];
  t.same(await fold(dataDir, (progress) => done.push(progress.done)), []);
  t.ok(done.length > 30, `${done.length} groups`);
  t.equal((await verifyStore(dataDir, () => {})).problem, undefined);
  t.same(await fold(dataDir, () => t.fail('nothing is left to do')), []);
});

t.test('views of an empty log serve at once', async (t) => {
  const dataDir = t.testdir();
  await (await openLmdbStore({ dataDir, now: () => START })).close();
  t.equal(await rebuildStore(dataDir, () => t.fail('there is nothing to fold')), 0);
  t.equal((await verifyStore(dataDir, () => {})).problem, undefined);
});

t.test('cut off anywhere, it goes on', async (t) => {
  const dataDir = await forgottenStore(t);
  let groups = 0;
  const stop = (): void => {
    if (++groups % 9 === 0) throw new Error('cut off');
  };
  for (let cuts = 0; ; cuts++) {
    const isDone = await fold(dataDir, stop).then(
      () => true,
      () => false,
    );
    if (!isDone) continue;
    t.ok(cuts > 3, `cut off ${cuts} times`);
    break;
  }
  t.equal((await verifyStore(dataDir, () => {})).problem, undefined);
});
