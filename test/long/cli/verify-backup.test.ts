/** `spyglass verify`, `rebuild`, `backup` and `sweep`, on stores that are whole and on some that are not. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openEnv } from '../../../src/log/file/env.js';
import { runSpyglass } from '../../support/command.js';
import { filesUnder } from '../../support/files.js';
import { fillStore } from '../../support/stores.js';

/** Many processes are started in here; a hang is a failure, a slow machine is not. */
t.setTimeout(180_000);

const dir = t.testdir({});
const WHOLE = join(dir, 'whole');
const events = await fillStore(WHOLE);
const run = (...args: string[]) => runSpyglass(args);

function copyOf(name: string): string {
  const copy = join(dir, name);
  cpSync(WHOLE, copy, { recursive: true });
  return copy;
}

/** Changes the store in a folder behind its back. */
async function tamper(dataDir: string, change: (env: ReturnType<typeof openEnv>) => void): Promise<void> {
  const env = openEnv(dataDir, { mode: 'write' });
  env.transaction(() => change(env));
  await env.close();
}

t.test('a whole store verifies, and is as it was', async (t) => {
  const { code, stdout } = await run('verify', '--data', WHOLE);
  t.equal(code, 0);
  t.match(stdout, /^ok {2}.*: \d+ events, \d+ rows of views as a rebuild makes them, \d+ replay chunks\n$/);
  t.match(stdout, `${events} events`);
});

t.test('one wrong byte in a view is found and named, and a rebuild mends it', async (t) => {
  const copy = copyOf('wrong-byte');
  await tamper(copy, (env) => {
    for (const { key, value } of env.table('sessions').range({ limit: 1 })) {
      const wrong = Buffer.from(value);
      wrong[9] = (wrong[9] ?? 0) ^ 1;
      env.table('sessions').put(key, wrong);
    }
  });
  const { code, stdout } = await run('verify', '--data', copy);
  t.equal(code, 1);
  t.match(
    stdout,
    /^NOT OK .*: view sessions, table sessions, key [0-9a-f]+, byte 9: the store has [0-9a-f]+, a rebuild [0-9a-f]+\n$/,
  );
  t.equal((await run('rebuild', '--data', copy)).code, 0);
  t.equal((await run('verify', '--data', copy)).code, 0);
});

t.test('a row too few and a row too many are found', async (t) => {
  const fewer = copyOf('fewer');
  await tamper(fewer, (env) => {
    for (const key of env.table('users').keys({ limit: 1 })) env.table('users').remove(key);
  });
  t.match(
    (await run('verify', '--data', fewer)).stdout,
    /view users, table users, key [0-9a-f]+: only in the rebuild/,
  );
  const more = copyOf('more');
  await tamper(more, (env) => env.table('users').put(Buffer.alloc(40, 0xff), Buffer.from('x')));
  t.match((await run('verify', '--data', more)).stdout, /view users, table users, key f+: only in the store/);
});

t.test('a damaged batch in the log is found', async (t) => {
  const copy = copyOf('damaged');
  await tamper(copy, (env) => {
    const log = env.table('log', { compressed: true });
    for (const { key, value } of log.range({ limit: 1 })) {
      const wrong = Buffer.from(value);
      wrong[20] = (wrong[20] ?? 0) ^ 1;
      log.put(key, wrong);
    }
  });
  const { code, stdout } = await run('verify', '--data', copy);
  t.equal(code, 1);
  t.match(stdout, /NOT OK .*: log: batch at \d+: checksum does not hold/);
});

t.test('a replay chunk whose file is gone is found', async (t) => {
  const copy = copyOf('lost');
  const [lost] = (await filesUnder(copy)).filter((file) => file.endsWith('.gz'));
  if (lost) rmSync(lost);
  const { code, stdout } = await run('verify', '--data', copy);
  t.equal(code, 1);
  t.match(stdout, /1 replay chunks have lost their files/);
});

t.test('a backup holds what the store holds, and nothing more', async (t) => {
  const target = join(dir, 'backups', 'monday');
  const { code, stdout } = await run('backup', target, '--data', WHOLE);
  t.equal(code, 0);
  t.match(stdout, `${events} events`);
  t.equal((await run('verify', '--data', target)).code, 0);
  t.equal((await run('export', '--data', target)).stdout, (await run('export', '--data', WHOLE)).stdout);
  const chunks = async (folder: string) =>
    (await filesUnder(folder))
      .filter((file) => file.endsWith('.gz'))
      .map((file) => readFileSync(file).toString('hex'))
      .sort();
  t.same(await chunks(target), await chunks(WHOLE));
  t.same(readdirSync(join(dir, 'backups')), ['monday'], 'nothing half-made is left beside it');
});

t.test('a backup leaves chunk files that no row names behind', async (t) => {
  const copy = copyOf('orphans');
  mkdirSync(join(copy, 'replay', 'ab'), { recursive: true });
  writeFileSync(join(copy, 'replay', 'ab', `ab${'0'.repeat(30)}.gz`), 'half');
  const target = join(dir, 'no-orphans');
  t.equal((await run('backup', target, '--data', copy)).code, 0);
  t.notOk((await filesUnder(target)).some((file) => file.endsWith(`ab${'0'.repeat(30)}.gz`)));
});

t.test('a backup into a folder with something in it is refused, with nothing touched', async (t) => {
  const target = join(dir, 'taken');
  mkdirSync(target);
  writeFileSync(join(target, 'mine.txt'), 'mine');
  const { code, stderr } = await run('backup', target, '--data', WHOLE);
  t.equal(code, 1);
  t.match(stderr, /is not empty/);
  t.same(readdirSync(target), ['mine.txt']);
  t.match((await run('backup', join(WHOLE, 'inside'), '--data', WHOLE)).stderr, /lies in the data folder/);
  t.notOk(existsSync(join(WHOLE, 'inside')));
});

t.test('a backup into an empty folder is fine', async (t) => {
  const target = join(dir, 'prepared');
  mkdirSync(target);
  t.equal((await run('backup', target, '--data', WHOLE)).code, 0);
  t.equal((await run('verify', '--data', target)).code, 0);
});

t.test('a sweep takes what is past its retention, and the store verifies after it', async (t) => {
  const copy = copyOf('swept');
  const { code, stdout } = await run('sweep', '--data', copy, '--events-days', '2');
  t.equal(code, 0);
  const gone = Number(/(\d+) events/.exec(stdout)?.[1]);
  t.ok(gone > 0 && gone < events, stdout);
  t.match((await run('verify', '--data', copy)).stdout, `: ${events - gone} events`);
  t.match(
    (await run('sweep', '--data', copy, '--events-days', '2')).stdout,
    'ok',
    'and again there is nothing to do',
  );
});

t.test('commands for a store make none where there is none', async (t) => {
  for (const args of [
    ['verify'],
    ['rebuild'],
    ['export'],
    ['backup', join(dir, 'x')],
    ['sweep', '--events-days', '1'],
  ]) {
    const nowhere = join(dir, `nowhere-${args[0]}`);
    const { code, stderr } = await run(...args, '--data', nowhere);
    t.equal(code, 1, args.join(' '));
    t.match(stderr, /^spyglass: there is no store in .*\n$/);
    t.notOk(existsSync(nowhere));
  }
});
