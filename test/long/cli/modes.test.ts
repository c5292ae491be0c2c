/** Whatever the umask, what a collector and its commands make is their user's alone; so is what an older release left open. */
import { chmodSync, existsSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { spawnCollector } from '../../support/collector.js';
import { runSpyglass } from '../../support/command.js';
import { apps, ask, event, store } from '../../support/http.js';
import { chunk, upload } from '../../support/replay.js';

const modeOf = (path: string) => lstatSync(path).mode & 0o777;

/** Asserts it of everything in the folder; returns how many files there are. */
function assertClosed(t: Test, folder: string): number {
  t.equal(modeOf(folder), 0o700, folder);
  let files = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) files += assertClosed(t, path);
    else {
      if (!entry.isSocket()) t.equal(modeOf(path), 0o600, path);
      files++;
    }
  }
  return files;
}

t.test('under a umask that takes nothing away', async (t) => {
  const before = process.umask(0);
  t.teardown(() => process.umask(before));
  const root = t.testdir({});
  const dataDir = join(root, 'data');
  const c = await spawnCollector({ apps: apps('inventory'), dataDir });
  t.teardown(() => c.close());
  const run = async (...args: string[]) => {
    const { code, stderr } = await runSpyglass([...args, '--data', dataDir]);
    t.equal(code, 0, `${args[0]}: ${stderr}`);
  };
  const fill = async () => {
    await store(c.url, 'inventory', [event({ user_id: 'bob' }), event()]);
    await upload(c.url, { app: 'inventory', session: 's_1', seq: 1 }, chunk('x'));
    t.equal((await ask(c.url, '/v1/sessions/s_1/replay/1')).status, 200);
  };
  await fill();
  await run('backup', join(root, 'beside', 'backup'));
  await run('export', '--out', join(root, 'export.ndjson'));
  t.ok(assertClosed(t, dataDir) > 5, 'the data folder was looked through');
  await run('erase', '--user', 'bob');
  await run('compact');
  await fill();
  await run('verify');
  assertClosed(t, dataDir);
  assertClosed(t, join(root, 'beside', 'backup'));
  t.equal(modeOf(join(root, 'export.ndjson')), 0o600);
  await c.stop('SIGTERM');
  await run('backup', join(root, 'alone'));
  assertClosed(t, join(root, 'alone'));
  const { code } = await runSpyglass(['restore', join(root, 'alone'), '--data', join(root, 'restored')]);
  t.equal(code, 0);
  assertClosed(t, join(root, 'restored'));
  assertClosed(t, dataDir);
});

t.test('a folder that an older release left open is closed at the start', async (t) => {
  const dataDir = join(t.testdir({}), 'data');
  const c = await spawnCollector({ apps: apps('inventory'), dataDir });
  t.teardown(() => c.close());
  await upload(c.url, { app: 'inventory', session: 's_1', seq: 1 }, chunk('x'));
  await c.stop('SIGTERM');
  const names = readdirSync(dataDir);
  for (const name of names)
    chmodSync(join(dataDir, name), lstatSync(join(dataDir, name)).isDirectory() ? 0o755 : 0o644);
  chmodSync(dataDir, 0o755);
  await c.restart();
  t.equal(modeOf(dataDir), 0o700);
  for (const name of names.filter((name) => existsSync(join(dataDir, name))))
    t.equal(modeOf(join(dataDir, name)) & 0o077, 0, name);
});
