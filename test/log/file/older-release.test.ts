/** What is still done for commands of the release before, which open the data file beside its writer. */
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openEnv } from '../../../src/log/file/env.js';
import { acquireWriterLock } from '../../../src/log/file/writer-lock.js';

const folder = mkdtempSync(join(tmpdir(), 'spyglass-older-'));
t.teardown(() => rmSync(folder, { recursive: true }));

/** When this process began, as proc(5) has it; 0 where there is none. */
const ownStart = (): number =>
  process.platform === 'linux'
    ? Number(readFileSync('/proc/self/stat', 'latin1').split(') ')[1]?.split(' ')[19])
    : 0;

t.test('nobody starts while one of them opens the file, and it is named', async (t) => {
  mkdirSync(join(folder, '.openings'));
  const own = join(folder, '.openings', `${process.pid}-${ownStart()}-0-1`);
  writeFileSync(own, '');
  await t.rejects(acquireWriterLock(folder, 0), {
    name: 'StoreUnusable',
    message: new RegExp(`process ${process.pid}, of an older release, is opening .*${own}`),
  });
  const later = acquireWriterLock(folder);
  rmSync(own);
  await (await later).release();
});

t.test('the dead, those of another start, and other files are in nobody’s way', async (t) => {
  for (const name of [`${process.pid}-1-0-1`, `${2 ** 22}-7-0-1`, 'writing', '.DS_Store'])
    writeFileSync(join(folder, '.openings', name), '');
  const lock = await acquireWriterLock(folder, 0);
  t.ok(lock);
  await lock.release();
});

t.test('it is said where they look, when a transaction is under way', async (t) => {
  const env = openEnv(folder, { mode: 'write' });
  t.teardown(() => env.close());
  const table = env.table('counts');
  const said = () => {
    const state = readFileSync(join(folder, '.openings/writing'));
    return [state.length, state[0], state.readUInt32BE(1), state.readUIntBE(5, 6)];
  };
  env.transaction(() => {
    t.same(said(), [11, 1, process.pid, ownStart()]);
    table.put(Buffer.from('a'), Buffer.from('b'));
  });
  t.same(said(), [11, 0, process.pid, ownStart()]);
  t.throws(() =>
    env.transaction(() => {
      throw new Error('no');
    }),
  );
  t.equal(said()[1], 0, 'nor when it came to nothing');
});

t.test('a transaction depends on none of it', async (t) => {
  rmSync(join(folder, '.openings'), { recursive: true });
  writeFileSync(join(folder, '.openings'), 'a file');
  const env = openEnv(folder, { mode: 'write' });
  const table = env.table('counts');
  env.transaction(() => table.put(Buffer.from('c'), Buffer.from('d')));
  t.equal(`${table.get(Buffer.from('c'))}`, 'd');
  await env.close();
  rmSync(join(folder, '.openings'));
});

t.test('a link where their folder should be is not followed', async (t) => {
  const linked = t.testdir({ data: {}, other: {} });
  symlinkSync(join(linked, 'other'), join(linked, 'data/.openings'));
  const env = openEnv(join(linked, 'data'), { mode: 'write' });
  env.transaction(() => {});
  await env.close();
  t.same(readdirSync(join(linked, 'other')), []);
});

t.test('what the superuser makes belongs to whoever the data folder belongs to', async (t) => {
  try {
    chownSync(folder, 1_000, 1_000);
  } catch {
    console.error('# NOT TESTED: ownership, for want of the right to give files away');
    return;
  }
  const env = openEnv(folder, { mode: 'write' });
  env.transaction(() => {});
  await env.close();
  for (const name of ['.openings', '.openings/writing'])
    t.equal(statSync(join(folder, name)).uid, 1_000, name);
});
