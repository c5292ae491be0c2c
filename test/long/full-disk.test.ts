/** A file system that is full, not a call that says so: the collector ends, and all is there once there is room again. */
import { spawnSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { APP, KEY, spawnCollector } from '../support/collector.js';
import { runSpyglass } from '../support/command.js';
import { assertExactlyOnce } from '../support/load.js';

const SMALL = 'size=24m';
const LARGE = 'size=256m';
const PROPS_BYTES = 60_000;
const BATCHES_MAX = 2_000;
/** A hang is a failure; a slow machine is not. */
t.setTimeout(240_000);

const mount = (...args: string[]): boolean => spawnSync('mount', args).status === 0;

t.test('a full file system', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'spyglass-full-'));
  const dataDir = join(folder, 'data');
  mkdirSync(dataDir);
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  if (!mount('-t', 'tmpfs', '-o', SMALL, 'tmpfs', dataDir)) {
    console.error('# NOT TESTED: a full file system, for this user may not mount one');
    return;
  }
  try {
    const collector = await spawnCollector({ dataDir });
    const acknowledged: string[][] = [];
    const send = async (n: number, batchId: string): Promise<number | undefined> => {
      const names = [`full-${n}-0`, `full-${n}-1`];
      const events = names.map((name) => ({
        user_id: 'u',
        session_id: 's',
        type: 'event',
        name,
        // Not to be compressed away.
        props: { noise: randomBytes(PROPS_BYTES / 2).toString('hex') },
      }));
      const body = JSON.stringify({ app: APP, key: KEY, batch_id: batchId, events });
      const answer = await fetch(`${collector.url}/v1/events`, { method: 'POST', body }).catch(
        () => undefined,
      );
      if (answer?.status === 204) acknowledged.push(names);
      return answer?.status;
    };
    let n = 0;
    let batchId = randomUUID();
    let status = await send(n, batchId);
    while (status === 204 && n < BATCHES_MAX) {
      n++;
      batchId = randomUUID();
      status = await send(n, batchId);
    }
    t.ok(status === 503 || status === undefined, `it stops with ${status} after ${n} batches`);
    const code = await collector.exited;
    if (code === null) t.comment("LMDB's library fell over its failed write, and the collector with it");
    else t.equal(code, 1);
    t.ok(
      code === null || collector.lines.some((line) => line.startsWith('spyglass: the store failed')),
      'with a word',
    );
    t.ok(mount('-o', `remount,${LARGE}`, dataDir));
    await collector.restart();
    t.equal(await send(n, batchId), 204, 'the retry is taken');
    t.equal(await collector.stop('SIGTERM'), 0);
    const { stdout } = await runSpyglass(['export', '--data', dataDir]);
    assertExactlyOnce(stdout, acknowledged);
    const verified = await runSpyglass(['verify', '--data', dataDir]);
    t.equal(verified.code, 0, verified.stdout);
    await collector.close();
  } finally {
    spawnSync('umount', ['-l', dataDir]);
  }
});
