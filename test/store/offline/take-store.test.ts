/** What a crash left in the journal is in the tables before a command works on them, or the store opens again. */
import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { EventRequest, JsonText } from '../../../src/domain/event.js';
import { openLog } from '../../../src/log/batches/log.js';
import { WRITER_SOCKET } from '../../../src/log/file/data-dir.js';
import { openEnv } from '../../../src/log/file/env.js';
import { beginCommit } from '../../../src/log/wal/commit.js';
import { openPending } from '../../../src/log/wal/pending.js';
import { openWal, WAL_FILES } from '../../../src/log/wal/wal.js';
import { exportStore } from '../../../src/store/offline/export-store.js';
import { takeStore } from '../../../src/store/offline/take-store.js';
import { verifyStore } from '../../../src/store/offline/verify.js';
import { openLmdbStore } from '../../../src/store/open-in-process.js';

/** A user who owns nothing. */
const NOBODY = 65_534;
const NOW = Date.UTC(2026, 5, 1, 12);

const batch = (name: string): EventRequest => ({
  app: 'shop',
  batchId: `batch-${name}`,
  receivedAt: NOW,
  events: [1, 2].map((n) => ({
    ts: NOW + n,
    user_id: `user ${name}`,
    session_id: `s ${name}`,
    type: 'event',
    name,
    props: `{"n":${n}}` as JsonText,
  })),
});

/** A store with one batch in its tables, and others acknowledged, each in a group of its own, that never got there. */
async function crashedStore(
  dataDir: string,
  left: readonly EventRequest[],
  skipped: readonly number[] = [],
): Promise<void> {
  const store = await openLmdbStore({ dataDir, now: () => NOW });
  await store.append([batch('first')]);
  await store.close();
  const env = openEnv(dataDir, { mode: 'read' });
  const log = openLog(env);
  const pending = openPending(log);
  const journal = openWal(dataDir, log.storeId);
  left.forEach((one, index) => {
    const commit = beginCommit(pending);
    t.equal(commit.add(one).result, 'stored');
    const sealed = commit.seal();
    if (!sealed) throw new Error('nothing to seal');
    pending.push(sealed);
    if (!skipped.includes(index)) journal.append(sealed.bytes);
  });
  journal.close();
  await env.close();
}

const mount = (...args: string[]): boolean => spawnSync('mount', args).status === 0;

async function exportedNames(dataDir: string): Promise<string[]> {
  const lock = await takeStore(dataDir);
  let text = '';
  for await (const page of exportStore(dataDir, 0, () => {})) text += page;
  await lock?.release();
  return text.match(/(?<="name":")[^"]+/g) ?? [];
}

t.test('an export and a check see it', async (t) => {
  const dataDir = t.testdir();
  await crashedStore(dataDir, [batch('second'), batch('third')]);
  t.same(await exportedNames(dataDir), ['first', 'first', 'second', 'second', 'third', 'third']);
  const report = await verifyStore(dataDir, () => {});
  t.equal(report.problem, undefined);
  t.equal(report.events, 6);
  t.same(
    readdirSync(dataDir).filter((name) => WRITER_SOCKET.test(name)),
    [],
    'and the lock was let go',
  );
});

t.test('a store that opens again goes on from it, batch ids too', async (t) => {
  const dataDir = t.testdir();
  await crashedStore(dataDir, [batch('second'), batch('third')]);
  const store = await openLmdbStore({ dataDir, now: () => NOW });
  t.teardown(() => store.close());
  const [again] = await store.append([batch('third')]);
  t.same(again, { status: 'fulfilled', value: 'duplicate' });
  await store.append([batch('fourth')]);
  const { events } = await store.ask('events', { limit: 100 });
  t.same(
    events.map(({ id, name }) => [id, name]).sort(([a], [b]) => Number(a) - Number(b)),
    ['first', 'second', 'third', 'fourth'].flatMap((name, index) => [
      [index * 2 + 1, name],
      [index * 2 + 2, name],
    ]),
  );
});

t.test('a store whose journal has a hole is refused, by name, and nothing is applied', async (t) => {
  const dataDir = t.testdir();
  await crashedStore(dataDir, [batch('second'), batch('third'), batch('fourth')], [1]);
  const refused = { name: 'StoreUnusable', message: new RegExp(`is missing.*${WAL_FILES[0]}`, 's') };
  await t.rejects(openLmdbStore({ dataDir, now: () => NOW }), refused);
  await t.rejects(openLmdbStore({ dataDir, now: () => NOW }), refused, 'the second time as well');
});

t.test('a store whose journal has a damaged record amid others is refused, by name', async (t) => {
  const dataDir = t.testdir();
  await crashedStore(dataDir, [batch('second'), batch('third'), batch('fourth')]);
  const path = join(dataDir, WAL_FILES[0]);
  const bytes = readFileSync(path);
  const at = bytes.indexOf('batch-third');
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  await t.rejects(openLmdbStore({ dataDir, now: () => NOW }), {
    name: 'StoreUnusable',
    message: new RegExp(`goes on at commit \\d+, but \\d+ is missing.*${WAL_FILES[0]}`, 's'),
  });
});

t.test(
  'a damaged last record cannot be told from one that a crash cut off: what came before it is there',
  async (t) => {
    const dataDir = t.testdir();
    await crashedStore(dataDir, [batch('second'), batch('third')]);
    const path = join(dataDir, WAL_FILES[0]);
    const bytes = readFileSync(path);
    const at = bytes.indexOf('batch-third');
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    t.same(await exportedNames(dataDir), ['first', 'first', 'second', 'second']);
  },
);

t.test(
  'a folder that cannot be written, with batches that only its journal holds, says so at once',
  async (t) => {
    const dataDir = t.testdir();
    await crashedStore(dataDir, [batch('second')]);
    if (!mount('--bind', dataDir, dataDir)) {
      console.error('# NOT TESTED: a read-only data folder, for this user may not mount one');
      return;
    }
    try {
      t.ok(mount('-o', 'remount,ro,bind', dataDir));
      await t.rejects(exportedNames(dataDir), {
        name: 'StoreUnusable',
        message: /holds batches that the tables do not have yet, and they cannot be written there/,
      });
    } finally {
      spawnSync('umount', ['-l', dataDir]);
    }
  },
);

t.test('a journal of another copy of the store, which went on by itself, is refused', async (t) => {
  const folder = t.testdir({ store: {}, aside: {} });
  const [dataDir, aside] = [join(folder, 'store'), join(folder, 'aside')];
  await crashedStore(dataDir, [batch('second'), batch('third')]);
  for (const name of WAL_FILES) renameSync(join(dataDir, name), join(aside, name));
  const store = await openLmdbStore({ dataDir, now: () => NOW });
  const { events, ...rest } = batch('other');
  await store.append([{ ...rest, events: events.slice(0, 1) }]);
  await store.close();
  for (const name of WAL_FILES) renameSync(join(aside, name), join(dataDir, name));
  await t.rejects(openLmdbStore({ dataDir, now: () => NOW }), {
    name: 'StoreUnusable',
    message: /another copy of this store/,
  });
});

t.test('a store that the user may not enter is not taken for none', async (t) => {
  const dataDir = t.testdir({});
  const isRoot = process.getuid?.() === 0;
  chmodSync(dataDir, 0);
  if (isRoot) process.seteuid?.(NOBODY);
  try {
    await t.rejects(takeStore(dataDir), { message: /is not for this user: run the command as its owner$/ });
  } finally {
    if (isRoot) process.seteuid?.(0);
    chmodSync(dataDir, 0o700);
  }
});
