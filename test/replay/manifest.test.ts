/** The manifest: rows, their order, counts and expiry, on a throw-away store. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openEnv } from '../../src/log/file/env.js';
import { type Chunk, openManifest } from '../../src/replay/manifest.js';

const dataDir = await mkdtemp(join(tmpdir(), 'spyglass-manifest-'));
const env = openEnv(dataDir, { mode: 'scratch' });
const manifest = openManifest(env);
t.teardown(async () => {
  await env.close();
  await rm(dataDir, { recursive: true, force: true });
});

let files = 0;
const newChunk = (seq: number, over: Partial<Chunk> = {}): Chunk => ({
  seq,
  receivedAt: 1_000,
  sizeBytes: 7,
  fileId: (++files).toString(16).padStart(32, '0'),
  ...over,
});

function put(app: number, session: string, chunk: Chunk): string | undefined {
  let replaced: string | undefined;
  env.transaction(() => {
    replaced = manifest.put(app, session, chunk);
  });
  return replaced;
}

function dropExpired(before: number, limit: number): string[] {
  let dropped: string[] = [];
  env.transaction(() => {
    dropped = manifest.dropExpired(before, limit);
  });
  return dropped;
}

t.test('gives a chunk back as it was put, with a time or without', async (t) => {
  const timed = newChunk(1, { ts: 2 ** 48 - 1, receivedAt: 2 ** 47, sizeBytes: 2 ** 32 - 1 });
  const early = newChunk(2, { ts: 0 });
  const timeless = newChunk(1_000_000);
  for (const chunk of [timeless, timed, early]) put(1, 'back', chunk);
  t.strictSame([...manifest.after(1, 'back', 0)], [timed, early, timeless]);
  t.strictSame(manifest.get(1, 'back', 1_000_000), timeless);
  t.equal(manifest.get(1, 'back', 3), undefined);
});

t.test('lists by seq, in whatever order they came', async (t) => {
  for (const seq of [300, 2, 65_536, 1, 256, 255]) put(1, 'order', newChunk(seq));
  t.same(
    [...manifest.after(1, 'order', 0)].map(({ seq }) => seq),
    [1, 2, 255, 256, 300, 65_536],
  );
});

t.test('a chunk put again replaces the first, names its file, and does not count twice', async (t) => {
  const first = newChunk(1, { receivedAt: 5 });
  const second = newChunk(1, { receivedAt: 9_000 });
  t.equal(put(1, 'again', first), undefined);
  t.equal(put(1, 'again', second), first.fileId);
  t.equal(manifest.count(1, 'again'), 1);
  t.strictSame([...manifest.after(1, 'again', 0)], [second]);
  t.notOk(manifest.holdsFile(first.fileId));
  t.ok(manifest.holdsFile(second.fileId));
  t.same(dropExpired(6, 100), [], 'its first time of receipt is forgotten');
});

t.test('sessions and apps are kept apart, however alike their ids', async (t) => {
  const ids = [
    'x',
    '../x',
    'a/b',
    'a',
    'A',
    'é',
    'e\u0301',
    '.'.repeat(127),
    '.'.repeat(128),
    'a\u00ff',
    '€'.repeat(128),
  ];
  const rows = [3, 4, 0x0300].flatMap((app) => ids.map((id) => ({ app, id, chunk: newChunk(1) })));
  for (const { app, id, chunk } of rows) put(app, id, chunk);
  for (const { app, id, chunk } of rows) {
    t.strictSame([...manifest.after(app, id, 0)], [chunk]);
    t.equal(manifest.count(app, id), 1);
  }
  t.same([...manifest.after(5, 'x', 0)], []);
  t.equal(manifest.count(5, 'x'), 0);
});

t.test('expiry goes by time of receipt, a few at a time, and counts down', async (t) => {
  const due = [3, 1, 2].map((seq) => newChunk(seq, { receivedAt: 100 + seq, ts: 1_000 - seq }));
  const kept = newChunk(4, { receivedAt: 104 });
  for (const chunk of [...due, kept]) put(6, 'due', chunk);
  const ids = [1, 2, 3].map((seq) => due.find((chunk) => chunk.seq === seq)?.fileId);

  t.same(dropExpired(104, 2), ids.slice(0, 2));
  t.equal(manifest.count(6, 'due'), 2);
  t.same(dropExpired(104, 2), ids.slice(2));
  t.same(dropExpired(104, 2), []);
  t.strictSame([...manifest.after(6, 'due', 0)], [kept]);
  for (const fileId of ids) t.notOk(manifest.holdsFile(fileId ?? ''));

  t.same(dropExpired(105, 2), [kept.fileId]);
  t.equal(manifest.count(6, 'due'), 0);
  t.same([...manifest.after(6, 'due', 0)], []);
});

t.test('nothing of a transaction that fails is kept', async (t) => {
  const chunk = newChunk(1);
  t.throws(() =>
    env.transaction(() => {
      manifest.put(7, 'failed', chunk);
      throw new Error('the commit fails');
    }),
  );
  t.same([...manifest.after(7, 'failed', 0)], []);
  t.equal(manifest.count(7, 'failed'), 0);
  t.notOk(manifest.holdsFile(chunk.fileId));
});
