/** The one-writer lock, raced for by many processes at once over a socket that a crash left. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, readdirSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { acquireWriterLock } from '../../../src/log/file/writer-lock.js';
import { askSocket, socketIn } from '../../support/socket.js';

const RACERS = 6;
const ROUNDS = 12;

const root = await mkdtemp(join(tmpdir(), 'spyglass-lock-'));
const racers: ChildProcess[] = [];
t.teardown(async () => {
  for (const racer of racers) racer.kill();
  await rm(root, { recursive: true, force: true });
});

const newFolder = async (name: string): Promise<string> => {
  const folder = join(root, name);
  await mkdir(folder);
  return folder;
};

/** A socket whose process was killed: hard links of it are as dead, and the same a crash leaves. */
async function deadSocket(): Promise<string> {
  const path = join(root, 'dead.sock');
  const script = `require('net').createServer().listen(process.argv[1], () => console.log('up'))`;
  const child = spawn(process.execPath, ['-e', script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'close');
  return path;
}

/** Starts the processes that race, each ready to. */
async function startRacers(): Promise<void> {
  const script = fileURLToPath(new URL('./lock-racer.js', import.meta.url));
  for (let i = 0; i < RACERS; i++) racers.push(fork(script));
  await Promise.all(racers.map((racer) => once(racer, 'message')));
}

/** Lets every racer take the lock of a folder in the same instant; answers what each of them met. */
function race(dataDir: string): Promise<string[]> {
  const answers = racers.map(async (racer) => {
    const [answer] = (await once(racer, 'message')) as [string];
    return answer;
  });
  for (const racer of racers) racer.send({ dataDir, at: Date.now() + 20 });
  return Promise.all(answers);
}

t.test(
  'of many starts that find the same dead socket in the same instant, one at a time holds',
  async (t) => {
    const dead = await deadSocket();
    await startRacers();
    for (let round = 0; round < ROUNDS; round++) {
      const folder = await newFolder(`race-${round}`);
      for (const name of ['writer.sock', 'writer-00ff.sock', '.writer-00aa.sock'].slice(0, 1 + (round % 3))) {
        linkSync(dead, join(folder, name));
      }
      t.same(
        await race(folder),
        racers.map(() => 'held alone'),
        `round ${round}`,
      );
      t.same(readdirSync(folder), [], 'nothing is left of it');
    }
  },
);

t.test('a second start is told, and comes in when the first lets go', async (t) => {
  const folder = await newFolder('second');
  const first = await acquireWriterLock(folder);
  await t.rejects(acquireWriterLock(folder, 0), {
    name: 'StoreUnusable',
    message: /another spyglass is running/,
  });
  const second = acquireWriterLock(folder, 60_000);
  await first.release();
  await (await second).release();
});

t.test('a folder whose path is longer than a socket address can be locked', async (t) => {
  const folder = await newFolder('long'.repeat(40));
  const first = await acquireWriterLock(folder);
  await t.rejects(acquireWriterLock(folder, 0), /another spyglass is running/);
  await first.release();
  t.same(readdirSync(folder), []);
});

t.test('its socket is for its owner, and takes no commands until somebody answers them', async (t) => {
  const folder = await newFolder('served');
  const lock = await acquireWriterLock(folder);
  t.equal(statSync(socketIn(folder)).mode & 0o777, 0o600);
  const refused = await askSocket(folder, {});
  t.same([refused.status, refused.type], [503, 'application/problem+json']);
  t.match(JSON.parse(refused.text), {
    type: 'urn:spyglass:problem:not_accepting',
    detail: /takes no commands/,
  });
  lock.serve((_, response) => response.end('taken'));
  t.equal((await askSocket(folder, {})).text, 'taken');
  lock.serve((_, response) => response.write('half'));
  const half = askSocket(folder, {});
  await t.rejects(Promise.all([half, sleep(50).then(() => lock.release())]), { code: 'ECONNRESET' });
});
