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
const USERS = ['u0', 'u1', 'u2'];
/** The smallest heap with which the store as it is could be served. */
let enoughMb: number | undefined;

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
    user_id: USERS[i % USERS.length],
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
    if (await isReady(collector)) {
      enoughMb ??= heapMb;
      collector.process.kill('SIGTERM');
    }
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

/** How many sessions each user has; each event is one. */
async function sessionsOfUsers(): Promise<Record<string, number>> {
  const answer = await fetch(`${url}/v1/query/users?limit=10`);
  const { users } = (await answer.json()) as { users: { user_id: string; session_count: number }[] };
  return Object.fromEntries(users.map(({ user_id, session_count }) => [user_id, session_count]));
}

t.test('an erasure in little memory is done, or is left pending after three starts, in words', async (t) => {
  askForErasure(dataDir, { user: 'u1' });
  let said = '';
  for (let start = 1; start <= 4; start++) {
    const collector = serve(enoughMb);
    if (await isReady(collector)) collector.process.kill('SIGTERM');
    const { code, signal, output } = await collector.ended;
    const pending = JSON.stringify(pendingErasures(dataDir));
    console.error(`# start ${start} in ${enoughMb} MiB: ended with ${code ?? signal}, pending ${pending}`);
    if (code !== 0) t.match(output, /memory/i);
    said = output;
  }
  const pending = pendingErasures(dataDir);
  if (pending.length > 0) {
    t.same(pending, [{ user: 'u1', tries: 3 }]);
    t.match(said, /the users are still in the store: it failed too often/);
  }
  const last = serve();
  t.ok(await isReady(last));
  const { u1 = 0, ...others } = await sessionsOfUsers();
  // One that failed may have erased a part; the rest is still asked for.
  if (pending.length === 0) t.equal(u1, 0);
  const countOf = (index: number) => BODIES * Math.ceil((BODY_EVENTS - index) / USERS.length);
  t.same(others, { u0: countOf(0), u2: countOf(2) });
  last.process.kill('SIGTERM');
  t.equal((await last.ended).code, 0);
  const verified = await startLimited(['verify', '--data', dataDir]).ended;
  t.equal(verified.code, 0, verified.output);
});
