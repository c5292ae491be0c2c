/** The WAL: what is appended is there again, older records are told apart, and a missing one is never passed over. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { WAL_TURN_BYTES } from '../../../src/domain/limits.js';
import { commitOf, GROUP_HEAD_BYTES } from '../../../src/log/wal/commit-group.js';
import { newestInWal, openWal, readWal, WAL_FILES, walBytes } from '../../../src/log/wal/wal.js';

const STORE = 'b1f6a1d2-0000-4000-8000-000000000001';

/** Bytes that begin as a group of that commit does. */
function group(commit: number, bytes = GROUP_HEAD_BYTES + (commit % 700)): Buffer {
  const made = Buffer.alloc(bytes, commit % 251);
  made.writeUIntBE(commit, 0, 6);
  return made;
}

const commitsFrom = (dataDir: string, from: number): number[] => readWal(dataDir, STORE, from).map(commitOf);

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

t.test('what was appended comes back byte for byte, from the commit asked for', async (t) => {
  const dataDir = t.testdir();
  t.same(readWal(dataDir, STORE, 1), [], 'nothing where there is no WAL');
  const wal = openWal(dataDir, STORE);
  const groups = Array.from({ length: 20 }, (_, index) => group(7 + index));
  for (const one of groups) wal.append(one);
  wal.close();
  t.same(readWal(dataDir, STORE, 7), groups);
  t.same(readWal(dataDir, STORE, 20), groups.slice(13));
  t.same(readWal(dataDir, STORE, 27), []);
  t.equal(newestInWal(dataDir, STORE), 26);
});

t.test(
  'places of applied records are written over, and what is left of those is not taken for newer',
  async (t) => {
    const dataDir = t.testdir();
    const wal = openWal(dataDir, STORE);
    for (let commit = 1; commit <= 50; commit++) wal.append(group(commit, 3_000));
    const grown = readFileSync(join(dataDir, WAL_FILES[0])).length;
    wal.applied(50);
    wal.append(group(51, 100));
    wal.append(group(52, 1_300));
    wal.close();
    t.same(commitsFrom(dataDir, 51), [51, 52]);
    t.equal(readFileSync(join(dataDir, WAL_FILES[0])).length, grown, 'the file is neither cut nor grown');
  },
);

t.test('the files take turns while groups wait, and stay as large as what waits', async (t) => {
  const dataDir = t.testdir();
  const wal = openWal(dataDir, STORE);
  const size = 1 << 20;
  for (let commit = 1; commit <= 100; commit++) {
    wal.append(group(commit, size));
    // The writer is always some groups behind.
    wal.applied(commit - 5);
  }
  wal.close();
  t.same(commitsFrom(dataDir, 96), [96, 97, 98, 99, 100]);
  for (const name of WAL_FILES) {
    const { length } = readFileSync(join(dataDir, name));
    t.ok(length > WAL_TURN_BYTES / 2 && length < WAL_TURN_BYTES + 6 * size, `${name}: ${length}`);
  }
});

t.test('nothing that waits is written over, however long it waits', async (t) => {
  const dataDir = t.testdir();
  const wal = openWal(dataDir, STORE);
  const count = (3 * WAL_TURN_BYTES) / (1 << 20);
  for (let commit = 1; commit <= count; commit++) wal.append(group(commit, 1 << 20));
  wal.close();
  t.equal(commitsFrom(dataDir, 1).length, count);
});

t.test(
  'a record cut off or damaged at the end was never acknowledged, or cannot be told from it',
  async (t) => {
    const dataDir = t.testdir();
    const wal = openWal(dataDir, STORE);
    for (const commit of [1, 2, 3]) wal.append(group(commit, 600));
    wal.close();
    const path = join(dataDir, WAL_FILES[0]);
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, bytes.length - 900));
    t.same(commitsFrom(dataDir, 1), [1, 2]);
  },
);

t.test('a damaged record in the midst of others is not passed over', async (t) => {
  const dataDir = t.testdir();
  const wal = openWal(dataDir, STORE);
  for (const commit of [1, 2, 3]) wal.append(group(commit, 600));
  wal.close();
  flip(join(dataDir, WAL_FILES[0]), 1_024 + 300);
  t.throws(() => readWal(dataDir, STORE, 1), {
    name: 'StoreUnusable',
    message: /goes on at commit 3, but 2 is missing/,
  });
  t.throws(() => readWal(dataDir, STORE, 2), { name: 'StoreUnusable' });
  t.same(commitsFrom(dataDir, 3), [3], 'one that the store holds anyway is not needed');
});

t.test('records of another store are none of this one’s', async (t) => {
  const dataDir = t.testdir();
  const wal = openWal(dataDir, 'another store');
  wal.append(group(5));
  wal.close();
  t.same(readWal(dataDir, STORE, 1), []);
  t.equal(newestInWal(dataDir, STORE), 0);
});

t.test('opened again with records that are not applied yet, it writes over none of them', async (t) => {
  const dataDir = t.testdir();
  const size = 1 << 20;
  const first = openWal(dataDir, STORE);
  for (let commit = 1; commit <= 20; commit++) {
    first.append(group(commit, size));
    if (commit === 9) first.applied(8);
  }
  first.close();
  const second = openWal(dataDir, STORE, undefined, 9);
  for (let commit = 21; commit <= 30; commit++) second.append(group(commit, size));
  t.same(
    commitsFrom(dataDir, 9),
    Array.from({ length: 22 }, (_, index) => 9 + index),
  );
  second.applied(30);
  const before = walBytes(dataDir);
  for (let commit = 31; commit <= 50; commit++) {
    second.append(group(commit, size));
    second.applied(commit);
  }
  second.close();
  t.same(commitsFrom(dataDir, 50), [50]);
  t.equal(walBytes(dataDir), before, 'and uses their room once they are');
});
