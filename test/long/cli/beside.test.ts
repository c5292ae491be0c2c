/** Commands beside a live collector, while events and replay chunks pour in. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { APP, type ChildCollector, KEY, spawnCollector, startCollector } from '../../support/collector.js';
import { runSpyglass } from '../../support/command.js';
import { assertExactlyOnce, startLoad } from '../../support/load.js';

/** A hang is a failure; a slow machine is not. */
t.setTimeout(600_000);

const CHUNKS = 24;
const UPLOADERS = 3;

/** Uploads the same few chunks over and over, each time with other bytes, so that files come and go. */
function startUploads(collector: ChildCollector): { stop(): Promise<unknown>; readonly count: number } {
  let stopping = false;
  let count = 0;
  const upload = async () => {
    while (!stopping) {
      const n = count++;
      const path = `/v1/replay?session=s_live&seq=${1 + (n % CHUNKS)}&ts=${1_718_200_000_000 + n}&app=${APP}`;
      const body = gzipSync(JSON.stringify([{ upload: n }]));
      const answer = await collector.get(path, { method: 'POST', headers: { 'X-Spyglass-Key': KEY }, body });
      if (answer.status !== 204) throw new Error(`${answer.status}: ${await answer.text()}`);
    }
  };
  const running = Promise.all(Array.from({ length: UPLOADERS }, upload));
  return {
    get count() {
      return count;
    },
    stop: () => {
      stopping = true;
      return running;
    },
  };
}

const dir = t.testdir({});
const collector = await spawnCollector();
t.teardown(() => collector.close());
const load = startLoad(() => collector.url, 4);
const uploads = startUploads(collector);
while (load.acknowledged.length < 100 || uploads.count < 3 * CHUNKS) await sleep(10);

t.test('verify compares one moment of it', async (t) => {
  const { code, stdout, stderr } = await runSpyglass(['verify', '--data', collector.dataDir]);
  t.equal(code, 0, stdout + stderr);
});

t.test('an export has all that was acknowledged before it, and whole batches only', async (t) => {
  const before = [...load.acknowledged];
  const { code, stdout } = await runSpyglass(['export', '--data', collector.dataDir]);
  t.equal(code, 0);
  const names = new Set(stdout.match(/(?<="name":")[^"]+/g));
  t.same(
    before.flat().filter((name) => !names.has(name)),
    [],
  );
  const copy = join(dir, 'copy');
  t.equal((await runSpyglass(['import', '--data', copy], { stdin: stdout })).code, 0);
  t.equal((await runSpyglass(['verify', '--data', copy])).code, 0);
});

t.test('backups agree with themselves: they verify, and every chunk they promise is there', async (t) => {
  for (const name of ['one', 'two', 'three']) {
    const before = [...load.acknowledged];
    const target = join(dir, name);
    const { code, stdout, stderr } = await runSpyglass(['backup', target, '--data', collector.dataDir]);
    t.equal(code, 0, stdout + stderr);
    const verified = await runSpyglass(['verify', '--data', target]);
    t.equal(verified.code, 0, verified.stdout);

    const restored = await startCollector({ dataDir: target });
    const { chunks } = (await (await restored.get('/v1/sessions/s_live/replay')).json()) as {
      chunks: { path: string }[];
    };
    t.equal(chunks.length, CHUNKS);
    for (const { path } of chunks) t.equal((await restored.get(path)).status, 200, path);
    await restored.close();
    const exported = await runSpyglass(['export', '--data', target]);
    const names = new Set(exported.stdout.match(/(?<="name":")[^"]+/g));
    t.same(
      before.flat().filter((name) => !names.has(name)),
      [],
    );
  }
});

t.test(
  'the collector sweeps, erases and rewrites its store, and nothing that is sent meanwhile is lost',
  async (t) => {
    await uploads.stop();
    const event = { user_id: 'leaver', session_id: 's_leaver', type: 'event', name: 'n' };
    const sent = await collector.get('/v1/events', {
      method: 'POST',
      body: JSON.stringify({ app: APP, key: KEY, events: [event] }),
    });
    t.equal(sent.status, 204);
    for (const [told, ...command] of [
      [/^ok .*: 0 events and \d+ replay chunks/, 'sweep', '--events-days', '3000', '--replays-days', '3000'],
      [/^ok .*: every view rebuilt from the log, up to id \d+/, 'rebuild'],
      [/^ok .*: the data file takes [\d.]+ MiB/, 'compact'],
      [/^ok .*\n {2}events {4}1, of 1 sessions/, 'erase', '--user', 'leaver'],
    ] as const) {
      const { code, stdout, stderr } = await runSpyglass([...command, '--data', collector.dataDir]);
      t.equal(code, 0, stderr);
      t.match(stdout, told);
    }
  },
);

t.test('the live store took no harm', async (t) => {
  await load.finish();
  t.same(load.surprises, []);
  t.equal(await collector.stop('SIGTERM'), 0);
  const { stdout } = await runSpyglass(['export', '--data', collector.dataDir]);
  assertExactlyOnce(stdout, load.acknowledged, { erased: 1 });
  t.equal((await runSpyglass(['verify', '--data', collector.dataDir])).code, 0);
});
