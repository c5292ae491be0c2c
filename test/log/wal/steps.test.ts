/** Commit groups applied step by step, the store closed between any two: the same tables as when they are applied whole. */
import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import t from 'tap';
import type { NewEvent } from '../../../src/domain/event.js';
import { APPLY_MS, APPLY_PARTS_MAX, APPLY_PARTS_MIN } from '../../../src/domain/limits.js';
import { openLog } from '../../../src/log/batches/log.js';
import { type Env, openEnv } from '../../../src/log/file/env.js';
import { openPartsBound, readUnapplied, sliceOf } from '../../../src/log/wal/apply.js';
import { beginCommit } from '../../../src/log/wal/commit.js';
import { openPending } from '../../../src/log/wal/pending.js';
import { openWal, WAL_FILES } from '../../../src/log/wal/wal.js';
import { PROJECTIONS } from '../../../src/projections/registry.js';
import { copyLive } from '../../../src/store/offline/live-copy.js';
import { openWriteSide, readSideOf } from '../../../src/store/sides.js';

type Opened = ReturnType<typeof openWriteSide>;

const NOW = Date.UTC(2026, 3, 1, 12);
const options = {
  onProgress() {},
  onFailure(error: Error): void {
    throw error;
  },
};

const anEvent: fc.Arbitrary<NewEvent> = fc.record({
  ts: fc.integer({ min: 0, max: 4 }).map((n) => NOW - n * 7_000_000),
  user_id: fc.constantFrom('ann', 'ben', 'cy'),
  session_id: fc.constantFrom('s1', 's2', 's3', 's4'),
  type: fc.constantFrom('event', 'error', 'pageview'),
  name: fc.constantFrom('view', 'cart', 'paid', 'é'),
});
/** Of one commit: requests by their events. */
const commits = fc.array(
  fc.array(fc.array(anEvent, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 4 }),
  { minLength: 1, maxLength: 4 },
);

/** Makes a store whose WAL holds these commits, and whose tables hold none of them. */
async function fill(dataDir: string, made: readonly NewEvent[][][], prefix = 'batch'): Promise<void> {
  const { log, close } = openWriteSide(dataDir, options);
  const pending = openPending(log);
  const wal = openWal(dataDir, log.storeId);
  for (const [n, requests] of made.entries()) {
    const commit = beginCommit(pending);
    for (const [i, events] of requests.entries())
      commit.add({ app: `app-${i % 2}`, receivedAt: NOW + n, events, batchId: `${prefix}-${n}-${i}` });
    const sealed = commit.seal();
    if (!sealed) throw new Error('nothing to seal');
    wal.append(sealed.bytes);
    pending.push(sealed);
  }
  wal.close();
  await close();
}

function* rowsOf(env: Env): Generator<string> {
  const { meta: _, ...ofLog } = openLog(env).tables;
  const views = PROJECTIONS.flatMap(({ tables }) => tables).map((name) => [name, env.table(name)] as const);
  for (const [name, table] of [...Object.entries(ofLog), ...views]) {
    for (const { key, value } of table.range({}))
      yield `${name} ${key.toString('hex')} ${value.toString('hex')}`;
  }
}

/** Applies what the WAL holds; `apply` is called until all is in the tables. Returns every row, and the counters. */
async function rowsAfter(dataDir: string, apply: (write: Opened, groups: Buffer[]) => void) {
  for (let left = 1; left > 0; ) {
    const write = openWriteSide(dataDir, { ...options, wal: 'leave' });
    const groups = readUnapplied(dataDir, write.log);
    if (groups.length > 0) apply(write, groups);
    left = readUnapplied(dataDir, write.log).length;
    await write.close();
  }
  const env = openEnv(dataDir, { mode: 'read' });
  const rows = [...rowsOf(env)];
  const counters = openLog(env).counters();
  await env.close();
  return { rows, counters };
}

t.test('the tables are the same, whatever the steps', async (t) => {
  const dir = t.testdir();
  let dirs = 0;
  await fc.assert(
    fc.asyncProperty(
      commits,
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
      async (made, sizes) => {
        const [whole, inSteps] = [join(dir, `${dirs++}`), join(dir, `${dirs++}`)] as const;
        for (const folder of [whole, inSteps]) await fill(folder, made);
        const expected = await rowsAfter(whole, (write, groups) => void write.apply(groups));
        let step = 0;
        const got = await rowsAfter(inSteps, (write, groups) => {
          const before = write.log.counters();
          const partsMax = sizes[step++ % sizes.length] ?? 1;
          write.apply(groups.slice(0, sliceOf(groups, before.offset, partsMax)), partsMax);
          assert.notDeepEqual(write.log.counters(), before, 'something was applied');
        });
        assert.deepEqual(got, expected);
      },
    ),
    { numRuns: 15 },
  );
  t.ok(dirs >= 30);
});

/** One event a session and name, of one user. */
const spread = (count: number): NewEvent[] =>
  Array.from({ length: count }, (_, n) => {
    return { ts: NOW + n, user_id: 'ann', session_id: `s${n}`, type: 'event', name: `name ${n}` };
  });

t.test(
  'a step is no larger than asked for, texts come first, and the last one brings the batch ids',
  async (t) => {
    const dataDir = t.testdir();
    await fill(dataDir, [[spread(10)]]);
    const write = openWriteSide(dataDir, { ...options, wal: 'leave' });
    t.teardown(() => write.close());
    const groups = readUnapplied(dataDir, write.log);
    const { commit } = write.log.counters();
    const seen = (): number => [...write.log.tables.seen.range({})].length;
    // An app, a user and ten names; then ten record batches.
    for (const offset of [1, 1, 5, 9]) {
      t.equal(write.apply(groups, offset === 1 ? 6 : 4), offset === 1 ? 6 : 4);
      t.match(write.log.counters(), { commit, offset });
      t.equal(write.log.begunAt(), 1);
      t.equal(seen(), 0);
    }
    t.equal(write.apply(groups, 4), 3);
    t.match(write.log.counters(), { commit: commit + 1, offset: 11 });
    t.equal(write.log.begunAt(), undefined);
    t.equal(seen(), 1);
    t.throws(() => write.apply(groups, 4), /does not follow/);
  },
);

t.test('a backup and an export have a request whole or not at all', async (t) => {
  const dir = t.testdir({ copy: {}, data: {} });
  const dataDir = join(dir, 'data');
  await fill(dataDir, [[spread(2)], [spread(10)]]);
  const write = openWriteSide(dataDir, { ...options, wal: 'leave' });
  const [first, second] = readUnapplied(dataDir, write.log);
  if (!first || !second) throw new Error('two groups');
  write.apply([first]);
  for (let step = 0; step < 4; step++) write.apply([second], 4);
  t.equal(write.log.begunAt(), 3);
  t.ok(write.log.head() > 3);
  const reads = readSideOf(write.env, write.log);
  t.match(reads.exportPage({ after: 0 }).next, { head: 2 });

  let isCopied = false;
  const copying = copyLive(dataDir, join(dir, 'copy'), () => {}).then(() => {
    isCopied = true;
  });
  await sleep(100);
  t.notOk(isCopied, 'it waits for the rest');
  while (write.log.begunAt() !== undefined) write.apply([second], 4);
  await copying;
  await write.close();
  const copy = openEnv(join(dir, 'copy'), { mode: 'read' });
  t.equal(openLog(copy).head(), 12);
  await copy.close();
});

t.test('what another copy of the store went on with is not taken for the rest of a step', async (t) => {
  const dir = t.testdir({ one: {}, other: {} });
  const [one, other] = [join(dir, 'one'), join(dir, 'other')];
  await fill(one, [[spread(5)]]);
  await openWriteSide(one, options).close();
  cpSync(one, other, { recursive: true });
  // No text is new, so only the events tell what they went on with apart.
  await fill(one, [[spread(1)], [spread(5)]], 'of-one');
  await fill(other, [[spread(3)]], 'of-other');
  await openWriteSide(other, options).close();
  for (const name of WAL_FILES) cpSync(join(one, name), join(other, name));
  t.throws(() => openWriteSide(other, { ...options, wal: 'apply' }), /another copy/);
});

t.test('a transaction takes fewer parts where they take long, and more where they do not', async (t) => {
  const bound = openPartsBound();
  t.equal(bound.parts(), APPLY_PARTS_MIN, 'few, until it is known');
  bound.note(APPLY_PARTS_MIN / 4, 1);
  t.equal(bound.parts(), APPLY_PARTS_MIN, 'a small one says little');
  for (let n = 0; n < 10; n++) bound.note(bound.parts(), 1);
  t.equal(bound.parts(), APPLY_PARTS_MAX);
  bound.note(bound.parts(), APPLY_MS / 2);
  t.equal(bound.parts(), APPLY_PARTS_MAX);
  bound.note(1, APPLY_MS + 1);
  t.equal(bound.parts(), APPLY_PARTS_MAX / 2);
  for (let n = 0; n < 10; n++) bound.note(1, 10 * APPLY_MS);
  t.equal(bound.parts(), APPLY_PARTS_MIN);
});
