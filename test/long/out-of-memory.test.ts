/**
 * Out of memory: a collector starts with heaps from too small upwards on a store that has work to do. Each start ends with a word
 * about memory, or serves and stops in order; none loops, and none loses what was acknowledged.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { askForErasure, pendingErasures } from '../../src/store/offline/erasures.js';
import { APP, KEY, writeConfig } from '../support/collector.js';
import { type Limited, startLimited } from '../support/limited.js';
import { configFor, freePort } from '../support/worst.js';

const HEAPS_MB = [6, 10, 14, 18, 24, 32, 48];
const BODIES = 6;
const BODY_EVENTS = 4_000;
const EVENTS = BODIES * BODY_EVENTS;
const START_MS_MAX = 120_000;

t.setTimeout(1_800_000);
const dir = t.testdir({});
const dataDir = join(dir, 'data');
const configFile = join(dir, 'spyglass.config.json');
const port = await freePort();
const url = `http://127.0.0.1:${port}`;
await writeConfig(configFile, configFor(dataDir, port));

const serve = (heapMb?: number): Limited => {
  const collector = startLimited(['serve', '--quiet', '--config', configFile], {}, heapMb);
  t.teardown(() => collector.process.kill('SIGKILL'));
  return collector;
};
const isOver = ({ process }: Limited): boolean => process.exitCode !== null || process.signalCode !== null;

/** Waits until the collector is ready, or has ended; whether it is ready. */
async function isReady(collector: Limited): Promise<boolean> {
  for (const end = Date.now() + START_MS_MAX; !isOver(collector); await sleep(50)) {
    const ready = await fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (ready) return true;
    if (Date.now() > end) throw new Error(`neither ready nor ended:\n${collector.output()}`);
  }
  return false;
}

/** Each event is a batch of its own, with a session and a name that occur once. */
async function send(at: number): Promise<void> {
  const events = Array.from({ length: BODY_EVENTS }, (_, i) => ({
    ts: Date.now() - (at * BODY_EVENTS + i) * 3_600_000,
    user_id: `u${i % 3}`,
    session_id: `s ${at} ${i}`,
    type: 'event',
    name: `n ${at} ${i}`,
  }));
  const body = JSON.stringify({ app: APP, key: KEY, sent_at: Date.now(), events });
  const { status } = await fetch(`${url}/v1/events`, { method: 'POST', body });
  if (status !== 204) throw new Error(`events were refused with ${status}`);
}

t.test('a heap that is too small is said, and loses nothing', async (t) => {
  const first = serve();
  t.ok(await isReady(first));
  for (let at = 0; at < BODIES; at++) await send(at);
  first.process.kill('SIGKILL');
  await first.ended;

  for (const heapMb of HEAPS_MB) {
    const collector = serve(heapMb);
    if (await isReady(collector)) collector.process.kill('SIGTERM');
    const { code, signal, output } = await collector.ended;
    console.error(`# ${heapMb} MiB: ended with ${code ?? signal}`);
    if (code !== 0) t.match(output, /memory/i, `${heapMb} MiB`);
    else t.pass(`${heapMb} MiB is enough`);
  }

  const last = serve();
  t.ok(await isReady(last));
  const { head } = (await (await fetch(`${url}/v1/query/events?limit=1`)).json()) as { head: number };
  t.equal(head, EVENTS, 'all that was acknowledged');
  last.process.kill('SIGTERM');
  t.equal((await last.ended).code, 0);
});

t.test(
  'an erasure in little memory is done, or ends in words and is left pending after some starts',
  async (t) => {
    askForErasure(dataDir, { user: 'u1' });
    for (let start = 1; start <= 4; start++) {
      const collector = serve(24);
      if (await isReady(collector)) collector.process.kill('SIGTERM');
      const { code, signal, output } = await collector.ended;
      console.error(
        `# start ${start}: ended with ${code ?? signal}, pending ${pendingErasures(dataDir).length}`,
      );
      if (code !== 0) t.match(output, /memory/i);
    }
    t.ok(pendingErasures(dataDir).every(({ tries = 0 }) => tries <= 3));
    const last = serve();
    t.ok(await isReady(last));
    last.process.kill('SIGTERM');
    t.equal((await last.ended).code, 0);
    const verified = await startLimited(['verify', '--data', dataDir]).ended;
    t.equal(verified.code, 0, verified.output);
  },
);
