/** What replay chunks leave on disk: whole or not at all, one file each, inside the data folder, whatever the id. */
import { access, copyFile, mkdir, mkdtemp, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { spawnCollector, startCollector } from '../support/collector.js';
import { filesUnder, filesWith } from '../support/files.js';
import { apps, event, get, store } from '../support/http.js';
import { chunk, chunkAt, manifest, upload } from '../support/replay.js';
import type { SessionRow } from '../support/rows.js';

const outer = await mkdtemp(join(tmpdir(), 'spyglass-files-'));
const dataDir = join(outer, 'some', 'where', 'data');
await mkdir(dataDir, { recursive: true });
const c = await startCollector({ apps: apps('inventory', 'shop'), dataDir });
t.teardown(async () => {
  await c.close();
  await rm(outer, { recursive: true, force: true });
});

/** Pairs that a file system, a URL or a hash of part of the id could take for one another. */
const IDS = [
  '../x',
  '../../x',
  '../../../../x',
  '/x',
  '/etc/passwd',
  'x',
  'x/',
  './x',
  '.x',
  '...',
  '.'.repeat(128),
  '.'.repeat(127),
  'a/b',
  'a%2Fb',
  'a%2fb',
  'a\\b',
  'a b',
  'a+b',
  'A/B',
  'A',
  'a',
  'é',
  'e\u0301',
  '%',
  '%2e%2e',
  '%2E%2E',
  '%00',
  'CON',
  'a:b',
  'a?b',
  'a#b',
  'a&b=c',
  '~',
  '-',
  '*',
  '"',
  "'",
  '€'.repeat(128),
  `${'€'.repeat(127)}é`,
  '😀'.repeat(64),
  'x'.repeat(128),
  `${'x'.repeat(127)}y`,
  '1',
  '01',
  '1/replay/1',
  'replay',
];

t.test('UPL-23 any legal id works, and is its own', async (t) => {
  for (const app of ['inventory', 'shop']) {
    for (const session of IDS) await upload(c.url, { app, session, seq: 1 }, chunk(`${app} ${session}`));
  }
  for (const app of ['inventory', 'shop']) {
    for (const session of IDS) {
      const { session_id, chunks } = await manifest(c.url, session, app);
      t.equal(session_id, session);
      t.equal(chunks.length, 1);
      const bytes = await chunkAt(c.url, chunks[0]?.path ?? '');
      t.ok(bytes.equals(chunk(`${app} ${session}`)), `${app} ${session}`);
    }
  }
});

t.test('UPL-24 UPL-25 each is a file of its own, inside the data folder', async (t) => {
  const contents = await Promise.all((await filesUnder(dataDir)).map((file) => readFile(file, 'latin1')));
  for (const session of IDS) {
    const bytes = chunk(`shop ${session}`).toString('latin1');
    t.equal(contents.filter((content) => content === bytes).length, 1, 'in a file of its own');
  }
  t.same(
    (await filesUnder(outer)).filter((file) => !file.startsWith(`${dataDir}/`)),
    [],
  );
  t.same(await readdir(dirname(dataDir)), ['data']);
});

t.test('UPL-17 a replaced chunk has a new file, and the old one goes', async (t) => {
  await upload(c.url, { app: 'shop', session: 'files', seq: 1 }, chunk('one'));
  const [before] = await filesWith(dataDir, chunk('one'));
  t.ok(before);
  await upload(c.url, { app: 'shop', session: 'files', seq: 1 }, chunk('two'));
  const [after] = await filesWith(dataDir, chunk('two'));
  t.ok(after);
  t.not(after, before, 'no file is written twice');
  // It may go after the answer; without going, this never ends.
  while ((await filesWith(dataDir, chunk('one'))).length > 0) await delay(5);
  t.same(await filesWith(dataDir, chunk('two')), [after]);
});

/** Another name of the same form: its last hexadecimal digit before the extension turned, differently for each mark. */
function turned(name: string, mark: 1 | 2): string {
  const at = name.search(/[0-9a-f]\.[^.]*$/);
  const digit = (Number.parseInt(name.charAt(at), 16) + mark) % 16;
  return name.slice(0, at) + digit.toString(16) + name.slice(at + 1);
}

t.test('UPL-18 files nothing refers to are gone after a start, the others stay', async (t) => {
  await upload(c.url, { app: 'shop', session: 'orphans', seq: 1 }, chunk('kept'));
  const [kept = ''] = await filesWith(dataDir, chunk('kept'));
  const name = basename(kept);
  // What a crash leaves before the manifest row: a file like any other, whole or in part, that no row names.
  const orphans = [turned(name, 1), turned(name, 2), `${name}.tmp`].map((file) => join(dirname(kept), file));
  for (const orphan of orphans) await copyFile(kept, orphan);
  await truncate(orphans[1] ?? '', 5);
  await c.restart();
  t.same(await filesWith(dataDir, chunk('kept')), [kept]);
  for (const orphan of orphans) await t.rejects(access(orphan));
  const [row] = (await manifest(c.url, 'orphans')).chunks;
  t.ok((await chunkAt(c.url, row?.path ?? '')).equals(chunk('kept')));
});

t.test('UPL-19 a chunk is there after a kill', async (t) => {
  const child = await spawnCollector({ apps: apps('inventory') });
  t.teardown(() => child.close());
  await store(child.url, 'inventory', [event({ session_id: 's' })]);
  for (const seq of [1, 2, 3])
    await upload(child.url, { app: 'inventory', session: 's', seq }, chunk(`n${seq}`));
  await child.kill();
  await child.restart();
  const { chunks } = await manifest(child.url, 's');
  t.same(
    chunks.map((row) => row.seq),
    [1, 2, 3],
  );
  for (const { seq, path } of chunks) t.ok((await chunkAt(child.url, path)).equals(chunk(`n${seq}`)));
  const { sessions } = await get<{ sessions: SessionRow[] }>(child.url, '/v1/query/sessions');
  t.equal(sessions[0]?.chunk_count, 3);
});
