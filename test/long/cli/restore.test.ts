/** `spyglass restore`: what was backed up is answered again as it was, and what is not whole is not restored. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openLog } from '../../../src/log/batches/log.js';
import { openEnv } from '../../../src/log/file/env.js';
import { forgetViews } from '../../../src/projections/rebuild.js';
import { chunkFilesIn, chunkPath } from '../../../src/replay/files.js';
import { answersOf, QUERIES } from '../../support/answers.js';
import { runSpyglass } from '../../support/command.js';
import type { UserRow } from '../../support/rows.js';
import { fillStore } from '../../support/stores.js';

t.setTimeout(120_000);
const dir = t.testdir({});
const [dataDir, backup] = [join(dir, 'data'), join(dir, 'backup')];
await fillStore(dataDir, { users: 6 });

t.test('a backup restored answers as the store did', async (t) => {
  const users = await answersOf(dataDir, ['/v1/query/users']);
  const [user] = (users['/v1/query/users'] as { body: { users: UserRow[] } }).body.users;
  const paths = [...QUERIES, `/v1/query/activity?user=${user?.user_id}`];
  const before = await answersOf(dataDir, paths);
  for (const [path, answer] of Object.entries(before)) t.match(answer, { status: 200 }, path);
  t.equal((await runSpyglass(['backup', backup, '--data', dataDir])).code, 0);
  const restored = join(dir, 'restored');
  const { code, stdout, stderr } = await runSpyglass(['restore', backup, '--data', restored]);
  t.equal(code, 0, stderr);
  t.match(stdout, /^ok .*restored: [1-9]\d* events up to id [1-9]\d*, [1-9]\d* replay chunks\n$/);
  t.same(await answersOf(restored, paths), before);
  t.match((await runSpyglass(['verify', '--data', restored])).stdout, /^ok/);
});

t.test(
  'a backup made amid a fold of the views is restored all the same, but no damage with it',
  async (t) => {
    const amid = join(dir, 'amid-a-fold');
    await cp(backup, amid, { recursive: true });
    const env = openEnv(amid, { mode: 'write' });
    forgetViews(env, openLog(env));
    await env.close();
    const restored = `${amid}-restored`;
    const { code, stdout, stderr } = await runSpyglass(['restore', amid, '--data', restored]);
    t.equal(code, 0, stderr);
    t.match(stdout, /\n {4}not compared: view \w+ was written by another release, or never[^\n]*\n$/);
    t.same(await answersOf(restored, QUERIES), await answersOf(backup, QUERIES));
    const [fileId = ''] = chunkFilesIn(amid);
    await rm(chunkPath(amid, fileId));
    const refused = await runSpyglass(['restore', amid, '--data', `${amid}-again`]);
    t.match(refused.stderr, /^spyglass: .* 1 replay chunks have lost their files/);
  },
);

t.test('a folder with something in it is left as it is', async (t) => {
  for (const [name, file] of [
    ['taken', 'spyglass.mdb'],
    ['foreign', 'thesis.txt'],
  ] as const) {
    const folder = t.testdir({ [name]: { [file]: 'what was there' } });
    const { code, stderr } = await runSpyglass(['restore', backup, '--data', join(folder, name)]);
    t.equal(code, 1);
    t.match(stderr, /^spyglass: .* is not empty[^\n]*\n$/);
    t.same(readdirSync(join(folder, name)), [file]);
  }
});

t.test('a backup that is not whole is not restored', async (t) => {
  const cases: Record<string, (folder: string) => Promise<void> | void> = {
    'a chunk that is gone': async (folder) => {
      const [fileId = ''] = chunkFilesIn(folder);
      await rm(chunkPath(folder, fileId));
    },
    'a data file cut short': (folder) => writeFileSync(join(folder, 'spyglass.mdb'), 'short'),
    'no store at all': (folder) => rm(join(folder, 'spyglass.mdb')),
  };
  for (const [name, damage] of Object.entries(cases)) {
    const damaged = join(dir, name.replaceAll(' ', '-'));
    await cp(backup, damaged, { recursive: true });
    await damage(damaged);
    const target = `${damaged}-restored`;
    const { code, stdout, stderr } = await runSpyglass(['restore', damaged, '--data', target]);
    t.equal(code, 1, name);
    t.equal(stdout, '');
    t.match(stderr, /^spyglass: [^\n]+\n$/, name);
    t.notOk(existsSync(target), name);
  }
});
