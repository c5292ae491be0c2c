/** Commit groups applied part by part, the store closed between any two: the same tables as when they are applied whole. */
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import type { NewEvent } from '../../../src/domain/event.js';
import { APPLY_MS, APPLY_PARTS_MAX, APPLY_PARTS_MIN } from '../../../src/domain/limits.js';
import { openLog } from '../../../src/log/batches/log.js';
import { type Env, openEnv } from '../../../src/log/file/env.js';
import { openPartsBound, readUnapplied, sliceOf } from '../../../src/log/wal/apply.js';
import { beginCommit } from '../../../src/log/wal/commit.js';
import { openPending } from '../../../src/log/wal/pending.js';
import { openWal } from '../../../src/log/wal/wal.js';
import { PROJECTIONS } from '../../../src/projections/registry.js';
import { openWriteSide } from '../../../src/store/sides.js';

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
async function fill(dataDir: string, made: readonly NewEvent[][][]): Promise<void> {
  const { log, close } = openWriteSide(dataDir, options);
  const pending = openPending(log);
  const wal = openWal(dataDir, log.storeId);
  for (const [n, requests] of made.entries()) {
    const commit = beginCommit(pending);
    for (const [i, events] of requests.entries())
      commit.add({ app: `app-${i % 2}`, receivedAt: NOW + n, events, batchId: `batch-${n}-${i}` });
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

t.test('the tables are the same, whatever the parts', async (t) => {
  let dirs = 0;
  await fc.assert(
    fc.asyncProperty(commits, fc.integer({ min: 1, max: 5 }), async (made, batchesMax) => {
      const dir = t.testdir();
      const [whole, inParts] = [join(dir, `${dirs++}`), join(dir, `${dirs++}`)] as const;
      await fill(whole, made);
      await fill(inParts, made);
      const expected = await rowsAfter(whole, (write, groups) => write.apply(groups));
      const got = await rowsAfter(inParts, (write, groups) => {
        const { offset } = write.log.counters();
        write.apply(groups.slice(0, sliceOf(groups, offset, batchesMax)), batchesMax);
        if (write.log.counters().offset === offset) throw new Error('nothing was applied');
      });
      if (JSON.stringify(expected) !== JSON.stringify(got)) throw new Error('the tables differ');
    }),
    { numRuns: 15 },
  );
  t.ok(dirs >= 30);
});

t.test('a part is no larger than asked for, and the last one brings the batch ids', async (t) => {
  const dataDir = t.testdir();
  const events = Array.from({ length: 10 }, (_, n): NewEvent => {
    return { ts: NOW, user_id: 'ann', session_id: `s${n}`, type: 'event', name: `name ${n}` };
  });
  await fill(dataDir, [[events]]);
  const write = openWriteSide(dataDir, { ...options, wal: 'leave' });
  t.teardown(() => write.close());
  const groups = readUnapplied(dataDir, write.log);
  const { commit } = write.log.counters();
  const seen = (): number => [...write.log.tables.seen.range({})].length;
  for (const head of [4, 8]) {
    write.apply(groups, 4);
    t.match(write.log.counters(), { commit, offset: head + 1 });
    t.equal(seen(), 0);
  }
  write.apply(groups, 4);
  t.match(write.log.counters(), { commit: commit + 1, offset: 11 });
  t.equal(seen(), 1);
  t.throws(() => write.apply(groups, 4), /does not follow/);
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
