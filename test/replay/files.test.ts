/** Chunk files and the manifest together: wherever a stop falls, the next start finds them in agreement. */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { type Env, openEnv } from '../../src/log/file/env.js';
import {
  type ChunkFiles,
  chunkFilesIn,
  chunkPath,
  missingFiles,
  openChunkFiles,
  removeOrphans,
} from '../../src/replay/files.js';
import { type Manifest, openManifest } from '../../src/replay/manifest.js';

interface Replay {
  dataDir: string;
  env: Env;
  manifest: Manifest;
  files: ChunkFiles;
}

/** Opens what is in the folder as a start does. */
function start(dataDir: string): Replay {
  const env = openEnv(dataDir, { mode: 'scratch' });
  const manifest = openManifest(env);
  removeOrphans(dataDir, manifest);
  return { dataDir, env, manifest, files: openChunkFiles(dataDir) };
}

const outer = mkdtempSync(join(tmpdir(), 'spyglass-replay-'));
t.teardown(() => rmSync(outer, { recursive: true, force: true }));
let folders = 0;
const newFolder = () => join(outer, String(++folders), 'data');

async function restart(replay: Replay): Promise<Replay> {
  await replay.env.close();
  return start(replay.dataDir);
}

/** The steps of taking a chunk, and after which of them to stop. */
const STOPS = ['file written', 'row committed', 'done'] as const;
type Stop = (typeof STOPS)[number];

async function put(
  replay: Replay,
  session: string,
  seq: number,
  bytes: Buffer,
  stop: Stop = 'done',
): Promise<string> {
  const { env, manifest, files } = replay;
  const fileId = await files.write(bytes);
  if (stop === 'file written') return fileId;
  let replaced: string | undefined;
  env.transaction(() => {
    replaced = manifest.put(1, session, { seq, receivedAt: seq * 10, sizeBytes: bytes.length, fileId });
  });
  if (stop === 'done' && replaced !== undefined) await files.remove(replaced);
  return fileId;
}

async function expire({ env, manifest, files }: Replay, before: number, stop: Stop): Promise<void> {
  let dropped: string[] = [];
  env.transaction(() => {
    dropped = manifest.dropExpired(before, 2);
  });
  if (stop === 'done') for (const fileId of dropped) await files.remove(fileId);
}

async function read({ manifest, files }: Replay, session: string, seq: number): Promise<string | undefined> {
  const chunk = manifest.get(1, session, seq);
  if (chunk === undefined) return undefined;
  const bytes = await files.read(chunk.fileId);
  return Buffer.from(bytes ?? 'missing').toString();
}

function assertAgree({ dataDir, manifest }: Replay): void {
  const named = Array.from(manifest.all(), ({ chunk }) => chunk.fileId).sort();
  assert.deepEqual([...chunkFilesIn(dataDir)].sort(), named);
  assert.deepEqual([...missingFiles(dataDir, manifest)], []);
}

t.test('a stop before the row leaves the old chunk, one after it the new', async (t) => {
  for (const [stop, expected] of [
    ['file written', 'one'],
    ['row committed', 'two'],
    ['done', 'two'],
  ] as const) {
    let replay = start(newFolder());
    await put(replay, 's', 1, Buffer.from('one'));
    await put(replay, 's', 1, Buffer.from('two'), stop);
    replay = await restart(replay);
    t.equal(await read(replay, 's', 1), expected, stop);
    t.equal(replay.manifest.count(1, 's'), 1);
    assertAgree(replay);
    await replay.env.close();
  }
});

t.test('a first chunk whose row did not commit is not there, nor is its file', async (t) => {
  let replay = start(newFolder());
  const fileId = await put(replay, 's', 1, Buffer.from('one'), 'file written');
  t.ok(existsSync(chunkPath(replay.dataDir, fileId)));
  replay = await restart(replay);
  t.notOk(existsSync(chunkPath(replay.dataDir, fileId)));
  t.same([...replay.manifest.after(1, 's', 0)], []);
  await replay.env.close();
});

t.test('a file cut off half-way goes, its neighbour stays', async (t) => {
  let replay = start(newFolder());
  const fileId = await put(replay, 's', 1, Buffer.from('kept'));
  const path = chunkPath(replay.dataDir, fileId);
  const neighbour = path.replace(/.\.gz$/, (end) => (end === '0.gz' ? '1.gz' : '0.gz'));
  writeFileSync(neighbour, 'ke');
  replay = await restart(replay);
  t.notOk(existsSync(neighbour));
  t.equal(await read(replay, 's', 1), 'kept');
  await replay.env.close();
});

t.test('strays of any kind are no hindrance to a start', async (t) => {
  let replay = start(newFolder());
  const fileId = await put(replay, 's', 1, Buffer.from('kept'));
  const root = join(replay.dataDir, 'replay');
  const elsewhere = join(root, 'zz', `${fileId}.gz`);
  const outside = join(outer, 'outside');
  writeFileSync(outside, 'outside');
  mkdirSync(join(root, 'zz', 'deeper'), { recursive: true });
  writeFileSync(join(root, '.stray'), '');
  writeFileSync(join(root, 'zz', 'deeper', 'stray.gz'), '');
  writeFileSync(elsewhere, 'a copy in the wrong folder');
  symlinkSync(outer, join(root, 'link'));
  replay = await restart(replay);
  t.notOk(existsSync(elsewhere));
  t.notOk(existsSync(join(root, '.stray')));
  t.notOk(existsSync(join(root, 'zz', 'deeper', 'stray.gz')));
  t.ok(existsSync(outside), 'a link is removed, not followed');
  t.equal(await read(replay, 's', 1), 'kept');
  assertAgree(replay);
  await replay.env.close();
});

t.test('a file that is gone is reported, and reading it says so', async (t) => {
  let replay = start(newFolder());
  const fileId = await put(replay, 's', 1, Buffer.from('lost'));
  await put(replay, 's', 2, Buffer.from('kept'));
  rmSync(chunkPath(replay.dataDir, fileId));
  replay = await restart(replay);
  t.same([...missingFiles(replay.dataDir, replay.manifest)], [fileId]);
  t.equal(await replay.files.read(fileId), undefined);
  t.equal(await read(replay, 's', 2), 'kept');
  await replay.env.close();
});

t.test('bytes come back as they were, each chunk in a file of its own', async (t) => {
  const replay = start(newFolder());
  const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * 31) % 256));
  const ids = [await put(replay, 's', 1, bytes), await put(replay, 's', 2, bytes)];
  t.not(ids[0], ids[1]);
  for (const fileId of ids) t.ok((await readFile(chunkPath(replay.dataDir, fileId))).equals(bytes));
  await replay.files.remove(ids[0] ?? '');
  await replay.files.remove(ids[0] ?? '');
  t.pass('removing what is gone is no error');
  await replay.env.close();
});

t.test('hostile session ids stay inside the folder and share no file', async (t) => {
  const ids = [
    '../x',
    '../../x',
    '/etc/x',
    'a/b',
    'x',
    'X',
    'é',
    'e\u0301',
    '.'.repeat(128),
    'a\\b',
    '%2e%2e',
    '€'.repeat(128),
  ];
  const dataDir = newFolder();
  const replay = start(dataDir);
  for (const id of ids) await put(replay, id, 1, Buffer.from(id));
  for (const id of ids) t.equal(await read(replay, id, 1), id);
  t.equal([...chunkFilesIn(dataDir)].length, ids.length);
  t.same(readdirSync(join(dataDir, '..')), ['data']);
  t.match(
    readdirSync(join(dataDir, 'replay')),
    readdirSync(join(dataDir, 'replay')).map(() => /^[0-9a-f]{2}$/),
  );
  await replay.env.close();
});

t.test('files and manifest agree after any history with stops in it', async () => {
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ seq: fc.integer({ min: 1, max: 4 }), stop: fc.constantFrom(...STOPS) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ before: fc.integer({ min: 0, max: 50 }), stop: fc.constantFrom(...STOPS) }),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
      let replay = start(newFolder());
      const expected = new Map<number, string>();
      for (const [index, one] of steps.entries()) {
        if ('seq' in one) {
          await put(replay, 's', one.seq, Buffer.from(`chunk ${index}`), one.stop);
          if (one.stop !== 'file written') expected.set(one.seq, `chunk ${index}`);
        } else {
          await expire(replay, one.before, one.stop);
          const due = [...expected.keys()].filter((seq) => seq * 10 < one.before).sort();
          for (const seq of due.slice(0, 2)) expected.delete(seq);
        }
        if (one.stop !== 'done') replay = await restart(replay);
      }
      replay = await restart(replay);
      assertAgree(replay);
      assert.equal(replay.manifest.count(1, 's'), expected.size);
      for (const seq of [1, 2, 3, 4]) assert.equal(await read(replay, 's', seq), expected.get(seq));
      await replay.env.close();
    }),
    { numRuns: 40 },
  );
});

t.test('whoever looks while a file is written finds it whole or not at all', async (t) => {
  const dataDir = newFolder();
  const bytes = Buffer.alloc(8 << 20, 1);
  let isWritten = false;
  const written = openChunkFiles(dataDir)
    .write(bytes)
    .finally(() => {
      isWritten = true;
    });
  const sizes = new Set<number>();
  while (!isWritten) {
    for (const fileId of chunkFilesIn(dataDir)) sizes.add(statSync(chunkPath(dataDir, fileId)).size);
    await new Promise(setImmediate);
  }
  t.same(
    [...sizes].filter((size) => size !== bytes.length),
    [],
  );
  t.same([...chunkFilesIn(dataDir)], [await written]);
});
