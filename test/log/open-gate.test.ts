/** Opening the data file beside its writer: LMDB's library would forget a commit that came meanwhile. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { openEnv } from '../../src/log/env.js';
import { openBesideWriter, openWriterGate } from '../../src/log/open-gate.js';

const OPENER = fileURLToPath(new URL('./opener.js', import.meta.url));
const OPENERS = 2;
const KEY = Buffer.from('count');

/** Removes a file, or empties it, a little later, from another process: this one waits without a turn of its loop. */
const later = (call: string, path: string) =>
  spawn(process.execPath, ['-e', `setTimeout(() => require('fs').${call}, 200)`, path], { stdio: 'inherit' });

/** The pid of a process that has ended. */
const deadPid = (): number => spawnSync(process.execPath, ['-e', '']).pid;

t.test('no commit is lost beside others that open the store', async (t) => {
  const library = join(t.testdir(), 'slow-open.so');
  const source = join(process.cwd(), 'test/support/slow-open.c');
  const built = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'], {
    encoding: 'utf8',
  });
  if (process.platform !== 'linux' || built.error !== undefined) {
    console.error('# NOT TESTED: slow openings, for want of a C compiler');
    return;
  }
  t.equal(built.status, 0, built.stderr);
  const dataDir = join(t.testdirName, 'data');
  const env = openEnv(dataDir, { mode: 'write' });
  const table = env.table('counts');
  let opening = OPENERS;
  for (let n = 0; n < OPENERS; n++) {
    const child = spawn(process.execPath, [OPENER, dataDir], {
      env: { ...process.env, LD_PRELOAD: library },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child.once('close', () => opening--);
  }
  let count = 0;
  const found: number[] = [];
  while (opening > 0) {
    env.transaction(() => {
      const known = Number(table.get(KEY) ?? 0);
      if (known !== count) found.push(known - count);
      count++;
      table.put(KEY, Buffer.from(`${count}`));
    });
    await new Promise(setImmediate);
  }
  t.same(found, [], `of ${count} commits`);
  t.ok(count > 20);
  await env.close();
});

t.test('a transaction begins once nobody is opening, and an opening once none is under way', async (t) => {
  const dataDir = t.testdir();
  const gate = openWriterGate(dataDir);
  const folder = join(dataDir, '.openings');
  const writing = join(folder, 'writing');
  const own = join(folder, `${process.pid}-0-1`);
  writeFileSync(own, '');
  const removed = once(later('rmSync(process.argv[1])', own), 'close');
  gate.pass(() => {
    t.notOk(existsSync(own), 'it waited');
    t.equal(readFileSync(writing).readUInt32BE(0), process.pid, 'and says what it is at');
    gate.pass(() => t.pass('within one, it is inside already'));
  });
  t.equal(readFileSync(writing).readUInt32BE(0), 0);
  t.throws(() =>
    gate.pass(() => {
      throw new Error('no');
    }),
  );
  t.equal(readFileSync(writing).readUInt32BE(0), 0, 'nor when it came to nothing');
  await removed;

  const busy = Buffer.alloc(4);
  busy.writeUInt32BE(process.pid);
  writeFileSync(writing, busy);
  const done = once(later('truncateSync(process.argv[1])', writing), 'close');
  const seen = openBesideWriter(dataDir, () => [readFileSync(writing).length, readdirSync(folder).length]);
  t.same(seen, [0, 2], 'it waited, and says that it opens');
  t.same(readdirSync(folder), ['writing'], 'until it has');
  await done;
  gate.close();
});

t.test('nobody waits for the dead', async (t) => {
  const dataDir = t.testdir();
  const folder = join(dataDir, '.openings');
  mkdirSync(folder);
  writeFileSync(join(folder, `${deadPid()}-0-1`), '');
  const gate = openWriterGate(dataDir);
  gate.pass(() => t.same(readdirSync(folder), ['writing'], 'what they left goes'));
  const busy = Buffer.alloc(4);
  busy.writeUInt32BE(deadPid());
  writeFileSync(join(folder, 'writing'), busy);
  const start = performance.now();
  t.equal(
    openBesideWriter(dataDir, () => 'open'),
    'open',
  );
  t.ok(performance.now() - start < 5_000);
  const never = join(dataDir, 'never written');
  mkdirSync(never);
  t.equal(
    openBesideWriter(never, () => 'open'),
    'open',
  );
  t.same(readdirSync(never), [], 'nothing is left where nobody ever wrote');
  gate.close();
});
