/** The throw-away copy of the views lies beside the data; where it finds no room, the command says so and what to do. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { runSpyglass } from '../../support/command.js';
import { fillStore } from '../../support/stores.js';

t.setTimeout(180_000);
const dir = t.testdir({});
const dataDir = join(dir, 'data');
const tmp = join(dir, 'tmp');
await fillStore(dataDir, { users: 4 });
mkdirSync(tmp);

/** Mounts for the time of a test; false where the user may not. */
function mount(t: Test, at: string, ...args: string[]): boolean {
  if (spawnSync('mount', [...args, at]).status !== 0) return false;
  t.teardown(() => spawnSync('umount', ['--lazy', at]));
  return true;
}

t.test('nothing of it goes to the temporary folder of the system', async (t) => {
  const env = { TMPDIR: join(dir, 'no-such-folder') };
  for (const args of [['verify'], ['verify', '--diff']]) {
    const { code, stderr } = await runSpyglass([...args, '--data', dataDir], { env });
    t.equal(code, 0, stderr);
  }
  t.same(
    readdirSync(dataDir).filter((name) => name === '.tmp' && readdirSync(join(dataDir, name)).length > 0),
    [],
  );
});

t.test('no room is said in words', async (t) => {
  const full = join(dir, 'full');
  mkdirSync(full);
  // The store fits, a copy of its views does not.
  const fits = mount(
    t,
    full,
    '-t',
    'tmpfs',
    '-o',
    `size=${Math.ceil(statSync(join(dataDir, 'spyglass.mdb')).size / 1_024) + 96}k`,
    'tmpfs',
  );
  const readOnly = join(dir, 'read-only');
  cpSync(dataDir, readOnly, { recursive: true });
  if (
    !fits ||
    !mount(t, readOnly, '--bind', readOnly) ||
    !mount(t, tmp, '-t', 'tmpfs', '-o', 'size=96k', 'tmpfs')
  )
    return console.error('# NOT TESTED: a disk without room, for this user may not mount one');
  cpSync(join(dataDir, 'spyglass.mdb'), join(full, 'spyglass.mdb'));
  spawnSync('mount', ['-o', 'remount,ro,bind', readOnly]);
  for (const folder of [full, readOnly]) {
    for (const args of [['verify'], ['verify', '--diff']]) {
      const { code, stderr } = await runSpyglass([...args, '--data', folder], { env: { TMPDIR: tmp } });
      t.equal(code, 1);
      t.match(stderr, /no room for a copy of the views in .*: it takes up to \d+ MiB .*TMPDIR/);
      t.notMatch(stderr, /^ +at /m, 'no stack');
    }
  }
});
