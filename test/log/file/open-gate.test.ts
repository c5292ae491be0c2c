/** Opening the data file beside its writer: LMDB's library would forget a commit that came meanwhile. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { openEnv } from '../../../src/log/file/env.js';
import { openBesideWriter, openWriterGate } from '../../../src/log/file/open-gate.js';

const GATE = new URL('../../../src/log/file/open-gate.js', import.meta.url).href;
const OPENER = fileURLToPath(new URL('./opener.js', import.meta.url));
const OPENERS = 2;
const KEY = Buffer.from('count');

/** Removes a file, or empties it, a little later, from another process: this one waits without a turn of its loop. */
const later = (call: string, path: string) =>
  spawn(process.execPath, ['-e', `setTimeout(() => require('fs').${call}, 200)`, path], { stdio: 'inherit' });

/** What the writer says, of any start of its process unless told. */
function inTransaction(pid: number, start = 0): Buffer {
  const state = Buffer.alloc(11);
  state.writeUInt8(1);
  state.writeUInt32BE(pid, 1);
  state.writeUIntBE(start, 5, 6);
  return state;
}

/** When this process began, as proc(5) has it; 0 where there is none. */
const ownStart = (): number =>
  process.platform === 'linux'
    ? Number(readFileSync('/proc/self/stat', 'latin1').split(') ')[1]?.split(' ')[19])
    : 0;

function canGive(path: string): boolean {
  try {
    chownSync(path, 1_000, 1_000);
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
}

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
  const own = join(folder, `${process.pid}-0-0-1`);
  writeFileSync(own, '');
  const removed = once(later('rmSync(process.argv[1])', own), 'close');
  gate.pass(() => {
    t.notOk(existsSync(own), 'it waited');
    t.same(
      [readFileSync(writing)[0], readFileSync(writing).readUInt32BE(1)],
      [1, process.pid],
      'and says so',
    );
    gate.pass(() => t.pass('within one, it is inside already'));
  });
  t.equal(readFileSync(writing)[0], 0);
  t.throws(() =>
    gate.pass(() => {
      throw new Error('no');
    }),
  );
  t.equal(readFileSync(writing)[0], 0, 'nor when it came to nothing');
  await removed;

  writeFileSync(writing, inTransaction(process.pid));
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
  writeFileSync(join(folder, `${deadPid()}-0-0-1`), '');
  const gate = openWriterGate(dataDir);
  gate.pass(() => t.same(readdirSync(folder), ['writing'], 'what they left goes'));
  const open = () => openBesideWriter(dataDir, () => 'open');
  writeFileSync(join(folder, 'writing'), inTransaction(deadPid()));
  const start = performance.now();
  t.equal(open(), 'open');
  if (process.platform === 'linux') {
    writeFileSync(join(folder, `${process.pid}-1-0-1`), '');
    gate.pass(() => t.same(readdirSync(folder), ['writing'], 'nor for one whose pid is another’s now'));
    writeFileSync(join(folder, 'writing'), inTransaction(process.pid, 1));
    t.equal(open(), 'open');
  }
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

t.test(
  'who is alive is waited for however long it takes, up to a minute, and then nothing is done',
  async (t) => {
    const dataDir = t.testdir();
    const gate = openWriterGate(dataDir, 100);
    const folder = join(dataDir, '.openings');
    const own = join(folder, `${process.pid}-${ownStart()}-0-1`);
    writeFileSync(own, '');
    utimesSync(own, 1, 1);
    if (ownStart() > 0) {
      const waited = {
        name: 'StoreUnusable',
        message: `waited 0.1 s for the process that opens the store by ${own}`,
      };
      t.throws(() => gate.pass(() => t.fail('passed')), waited);
      t.equal(readFileSync(join(folder, 'writing'))[0], 0);
    }
    rmSync(own);
    const unknown = join(folder, `${process.pid}-0-0-1`);
    writeFileSync(unknown, '');
    utimesSync(unknown, 1, 1);
    let passes = 0;
    gate.pass(() => passes++);
    t.equal(passes, 1, 'without its start, an old file is that of a dead one');
    writeFileSync(join(folder, '.DS_Store'), '');
    gate.pass(() => passes++);
    t.equal(passes, 2, 'nor is just any file an opening');
    writeFileSync(join(folder, 'writing'), inTransaction(process.pid, ownStart()));
    t.throws(() => openBesideWriter(dataDir, () => t.fail('opened'), 100), {
      name: 'StoreUnusable',
      message: /waited 0\.1 s for the end of a transaction/,
    });
    t.same(readdirSync(folder).sort(), ['.DS_Store', 'writing']);
    gate.close();
  },
);

t.test('a writer that comes while somebody opens a store that nobody wrote to yet waits too', async (t) => {
  const dataDir = t.testdir();
  const folder = join(dataDir, '.openings');
  openBesideWriter(dataDir, () => {
    const gate = openWriterGate(dataDir, 100);
    t.throws(() => gate.pass(() => t.fail('passed')), { name: 'StoreUnusable' });
    gate.close();
  });
  t.same(readdirSync(folder), ['writing']);
});

t.test('a link where the folder should be is not followed', async (t) => {
  const dataDir = t.testdir({ data: {}, other: {} });
  symlinkSync(join(dataDir, 'other'), join(dataDir, 'data/.openings'));
  t.throws(() => openWriterGate(join(dataDir, 'data')), {
    name: 'StoreUnusable',
    message: /is not a folder/,
  });
  t.same(readdirSync(join(dataDir, 'other')), []);
});

t.test('what the superuser makes belongs to whoever the data folder belongs to', async (t) => {
  const dataDir = t.testdir();
  if (!canGive(dataDir)) {
    console.error('# NOT TESTED: ownership, for want of the right to give files away');
    return;
  }
  openWriterGate(dataDir).close();
  for (const name of ['.openings', '.openings/writing'])
    t.equal(statSync(join(dataDir, name)).uid, 1_000, name);
});

t.test('what keeps somebody from saying that it opens is told, and keeps it from opening', (t) => {
  const dataDir = t.testdir({ '.openings': 'a file' });
  t.throws(() => openBesideWriter(dataDir, () => t.fail('opened')), {
    name: 'StoreUnusable',
    message: /ENOTDIR/,
  });
  t.end();
});

t.test('a table is made while nobody is opening', async (t) => {
  const dataDir = t.testdir();
  const env = openEnv(dataDir, { mode: 'write' });
  env.table('one');
  const own = join(dataDir, '.openings', `${process.pid}-0-0-1`);
  writeFileSync(own, '');
  const removed = once(later('rmSync(process.argv[1])', own), 'close');
  env.table('one');
  t.ok(existsSync(own), 'one that is there waits for nobody');
  env.table('two');
  t.notOk(existsSync(own));
  t.same(env.tableNames().sort(), ['one', 'two']);
  await removed;
  await env.close();
});

t.test('a transaction waits for a descriptor to look around with', async (t) => {
  if (process.platform === 'win32') return;
  const script = `
    import { openSync } from 'node:fs';
    import { Worker } from 'node:worker_threads';
    import { openWriterGate } from ${JSON.stringify(GATE)};
    const free = "setTimeout(() => require('worker_threads').workerData.forEach(require('fs').closeSync), 300)";
    const worker = new Worker(free, { eval: true, workerData: [openSync('/dev/null'), openSync('/dev/null')] });
    await new Promise((online) => worker.once('online', online));
    try {
      for (;;) openSync('/dev/null');
    } catch {}
    openWriterGate(process.argv[1]).pass(() => console.log('passed'));
    process.exit();`;
  const command = 'ulimit -n 64; exec "$0" --input-type=module -e "$1" "$2"';
  const { stdout, stderr } = spawnSync('sh', ['-c', command, process.execPath, script, t.testdir()], {
    encoding: 'utf8',
  });
  t.equal(stdout, 'passed\n', stderr);
});
