/** A disk that fails under a running collector: it stops loudly, and what it acknowledged is there after the restart. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { APP, KEY, spawnCollector } from '../../support/collector.js';
import { runSpyglass } from '../../support/command.js';
import { createFaultyDisk, EIO, ENOSPC, type Fault, type FaultyDisk } from '../../support/disk-faults.js';
import { assertExactlyOnce, type Load, startLoad } from '../../support/load.js';

/** How many points of each fault are tried. */
const POINTS = Number(process.env.SPYGLASS_FAULTS ?? 25);
const CLIENTS = 4;
const SYNC_DELAY_MS = 150;
/** A hang is a failure; a slow machine is not. */
const END_MS_MAX = 60_000;

t.setTimeout(120_000 + POINTS * END_MS_MAX);

/** What may go wrong. A commit is some three writes and one sync, so that these are in the middle of commits. */
const FAULTS: Record<string, (point: number) => Fault> = {
  'a sync that fails once': (point) => ({ kind: 'sync', after: point * 3, error: EIO }),
  'a write that fails once': (point) => ({ kind: 'write', after: point * 7, error: EIO }),
  'a disk that is full from then on': (point) => ({
    kind: 'write',
    after: point * 5,
    error: ENOSPC,
    lasts: true,
  }),
  'a write that is cut short': (point) => ({ kind: 'short', after: point * 7 }),
};

const event = { user_id: 'alice', session_id: 's_1', type: 'event', name: 'view' };

async function withFaultyDisk(use: (disk: FaultyDisk, dataDir: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'spyglass-faults-'));
  const dataDir = join(folder, 'data');
  const disk = createFaultyDisk(dataDir);
  try {
    if (disk === undefined)
      console.error('# NOT TESTED: failing disks, for there is no C compiler `cc` on this machine');
    else await use(disk, dataDir);
  } finally {
    disk?.remove();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Settles once requests are acknowledged again after the fault: more than can have been under way at the time. */
async function wasOvercome(disk: FaultyDisk, load: Load): Promise<'overcome'> {
  while (disk.faults() === 0) await sleep(5);
  const before = load.acknowledged.length;
  while (load.acknowledged.length < before + 10 * CLIENTS) await sleep(5, undefined, { ref: false });
  return 'overcome';
}

t.test('after a failed commit nothing is accepted, and nothing acknowledged is lost', (t) =>
  withFaultyDisk(async (disk, dataDir) => {
    const collector = await spawnCollector({ dataDir, env: disk.env });
    t.teardown(() => collector.close());
    const load = startLoad(() => collector.url, CLIENTS);
    let falls = 0;
    let muteFalls = 0;
    for (const [name, faultAt] of Object.entries(FAULTS)) {
      for (let point = 0; point < POINTS; point++) {
        const before = load.acknowledged.length;
        while (load.acknowledged.length < before + CLIENTS) await sleep(5);
        const from = collector.lines.length;
        const fault = faultAt(point);
        disk.arm(fault);
        const end = await Promise.race([
          collector.exited,
          ...(fault.kind === 'short' ? [wasOvercome(disk, load)] : []),
          sleep(END_MS_MAX, 'still running', { ref: false }),
        ]);
        if (end === 'overcome') {
          t.pass(`${name}, ${point}: the journal wrote the rest`);
          disk.disarm();
          continue;
        }
        t.ok(disk.faults() > 0);
        const said = collector.lines.slice(from);
        const fatal = said.filter((line) => line.includes('"level":60'));
        // LMDB's library may say something before it, without a line's end.
        const last = said.filter((line) => line.includes('spyglass: '));
        // LMDB's library does not always survive a write that failed: then a signal ends the process, as a rule after the words.
        t.ok(end === 1 || end === null, `${name}, ${point}: it ends by itself`);
        if (end === null) falls += 1;
        if (end === null && last.length === 0) {
          muteFalls += 1;
          disk.disarm();
          await collector.restart();
          continue;
        }
        t.equal(fatal.length, 1, `one fatal line: ${said.join('\n')}`);
        t.match(fatal[0], /nothing is accepted until a restart/);
        t.equal(last.length, 1, 'and one for whoever looks at the terminal');
        t.match(last[0], /spyglass: the store failed .*\(.+\)$/, 'which tells what the disk said');
        disk.disarm();
        await collector.restart();
      }
    }
    t.ok(falls <= (POINTS * Object.keys(FAULTS).length) / 4, `as a rule with exit code 1: but for ${falls}`);
    t.ok(muteFalls <= Math.ceil(POINTS / 25), `hardly ever without a word: ${muteFalls}`);
    await load.finish();
    t.same(load.surprises, [], 'a request is stored, refused with a 503, or its connection ends');
    t.equal(await collector.stop('SIGTERM'), 0);
    const { stdout } = await runSpyglass(['export', '--data', dataDir]);
    assertExactlyOnce(stdout, load.acknowledged);
    const verified = await runSpyglass(['verify', '--data', dataDir]);
    t.equal(verified.code, 0, verified.stdout);
  }),
);

t.test('an acknowledgement never comes before its sync, of events and of chunks', (t) =>
  withFaultyDisk(async (disk, dataDir) => {
    const collector = await spawnCollector({ dataDir, env: disk.env });
    t.teardown(() => collector.close());
    const timed = async (send: () => Promise<Response>): Promise<number> => {
      const start = performance.now();
      const { status } = await send();
      t.equal(status, 204);
      return performance.now() - start;
    };
    const upload = () =>
      collector.get(`/v1/replay?session=s_1&seq=1&app=${APP}`, {
        method: 'POST',
        headers: { 'x-spyglass-key': KEY },
        body: gzipSync('[]'),
      });
    disk.delaySyncs(SYNC_DELAY_MS);
    for (let point = 0; point <= POINTS; point++) {
      // No limit on how slow it may be: only how quick it cannot be.
      t.ok((await timed(() => collector.send([event]))) >= SYNC_DELAY_MS);
      const both = await Promise.all([1, 2].map(() => timed(() => collector.send([event]))));
      for (const ms of both) t.ok(ms >= SYNC_DELAY_MS, 'requests of one group too');
      // The file, its folder, and then its row.
      t.ok((await timed(upload)) >= 3 * SYNC_DELAY_MS);
    }
    disk.delaySyncs(0);
  }),
);

t.test('a chunk that cannot be written is refused, and the collector goes on', (t) =>
  withFaultyDisk(async (disk, dataDir) => {
    const collector = await spawnCollector({ dataDir, env: disk.env });
    t.teardown(() => collector.close());
    t.equal((await collector.send([event])).status, 204);
    // A read waits for the tables to take it, so that the faults below strike the chunk's files alone.
    t.equal((await collector.get('/v1/query/events')).status, 200);
    const upload = (seq: number) =>
      collector.get(`/v1/replay?session=s_1&seq=${seq}&app=${APP}`, {
        method: 'POST',
        headers: { 'x-spyglass-key': KEY },
        body: gzipSync(`[${seq}]`),
      });
    // The chunk's own file comes first: its write, its sync, its folder's sync.
    for (const fault of [
      { kind: 'write', after: 0, error: ENOSPC },
      { kind: 'sync', after: 0 },
      { kind: 'sync', after: 1 },
    ] as const) {
      disk.arm(fault);
      const answer = await upload(1);
      t.equal(disk.faults(), 1);
      t.ok(answer.status >= 500, `${answer.status} ${await answer.text()}`);
      t.equal((await collector.get('/v1/sessions/s_1/replay')).status, 404, 'it is not there');
    }
    disk.disarm();
    t.equal((await upload(1)).status, 204);
    t.equal((await collector.send([event])).status, 204);
    t.equal(await collector.stop('SIGTERM'), 0);
    const verified = await runSpyglass(['verify', '--data', dataDir]);
    t.match(verified.stdout, /2 events.* 1 replay chunks/);
  }),
);
