/** `spyglass demo`: fills a store, whether a collector runs or not, and fills it once only. */

import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';
import { spawnCollector } from '../../support/collector.js';
import { MAIN, runSpyglass } from '../../support/command.js';

/** Many processes are started in here; a hang is a failure, a slow machine is not. */
t.setTimeout(180_000);

const SMALL = ['--users', '8', '--days', '3'];
const sent = (stdout: string) => Number(/Sent (\d+) events/.exec(stdout)?.[1]);

t.test(
  'with no collector running it fills the data folder, and a second run adds nothing that is there',
  async (t) => {
    const dir = t.testdir({});
    const file = join(dir, 'config.json');
    // Port 9 (discard): nobody answers HTTP there, and the demo does not bind it.
    writeFileSync(
      file,
      JSON.stringify({ listen: '127.0.0.1:9', apps: { shop: { key: 'a' }, inventory: { key: 'b' } } }),
    );
    const first = await runSpyglass(['demo', '--config', file, ...SMALL, '--app', 'inventory']);
    t.equal(first.code, 0, first.stderr);
    t.match(first.stdout, /No collector runs at http:\/\/127\.0\.0\.1:9/);
    const verified = await runSpyglass(['verify', '--config', file]);
    t.equal(verified.code, 0, verified.stdout);
    const stored = Number(/: (\d+) events/.exec(verified.stdout)?.[1]);
    t.equal(stored, sent(first.stdout));
    t.ok(stored > 100);

    const second = await runSpyglass(['demo', '--config', file, ...SMALL, '--app', 'inventory']);
    t.equal(second.code, 0, second.stderr);
    // Visits that ended between the two runs are new, and the only ones.
    const again = Number(
      /: (\d+) events/.exec((await runSpyglass(['verify', '--config', file])).stdout)?.[1],
    );
    t.equal(again, Math.max(stored, sent(second.stdout)));
  },
);

t.test('it fills the collector that runs, through its HTTP API', async (t) => {
  const collector = await spawnCollector();
  t.teardown(() => collector.close());
  const { code, stdout, stderr } = await runSpyglass(['demo', '--config', collector.configFile, ...SMALL]);
  t.equal(code, 0, stderr);
  t.match(stdout, `Filling the collector at ${collector.url}`);
  const { head } = (await (await collector.get('/v1/query/events?limit=1')).json()) as { head: number };
  t.equal(head, sent(stdout));
});

t.test('--live goes on in real time until a signal, which is a good end', async (t) => {
  const collector = await spawnCollector();
  t.teardown(() => collector.close());
  const child = spawn(process.execPath, [
    MAIN,
    'demo',
    '--config',
    collector.configFile,
    '--users',
    '2',
    '--days',
    '0',
    '--live',
  ]);
  t.teardown(() => child.kill('SIGKILL'));
  await lineOf(child, /Going on in real time/);
  const head = async () =>
    ((await (await collector.get('/v1/query/events?limit=1')).json()) as { head: number }).head;
  const before = await head();
  while ((await head()) === before) await new Promise((resolve) => setTimeout(resolve, 50));
  child.kill('SIGINT');
  t.equal(await new Promise((resolve) => child.once('close', resolve)), 0);
});

t.test('an app that is not configured is a mistake', async (t) => {
  const collector = await spawnCollector();
  t.teardown(() => collector.close());
  const { code, stderr } = await runSpyglass(['demo', '--config', collector.configFile, '--app', 'nope']);
  t.equal(code, 2);
  t.match(stderr, /^spyglass: no app nope is configured; there is inventory\n$/);
});

function lineOf(child: ChildProcess, wanted: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('close', (code) => reject(new Error(`ended with ${code} before it said ${wanted}`)));
    if (child.stdout) createInterface(child.stdout).on('line', (line) => wanted.test(line) && resolve(line));
  });
}
