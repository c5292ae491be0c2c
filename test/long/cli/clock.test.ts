/** A collector whose clock is wrong for one start, as a process: nothing is lost, and everybody is told. */
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { type ChildCollector, KEY, runSpyglass, spawnCollector } from '../../support/collector.js';
import { ask, get } from '../../support/http.js';

const DAY_MS = 86_400_000;

/** Moves `Date` in every thread of a child. */
const shifted = (ms: number): NodeJS.ProcessEnv => {
  const script = `const R=Date;const n=()=>R.now()+${ms};globalThis.Date=class extends R{constructor(...a){if(a.length===0)super(n());else super(...a)}static now(){return n()}}`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}` };
};

interface Kept {
  events: number;
  chunks: number;
}

async function kept(c: ChildCollector): Promise<Kept> {
  const { events } = await get<{ events: unknown[] }>(c.url, '/v1/query/events?limit=500');
  const replay = await ask(c.url, '/v1/sessions/s/replay');
  const chunks = replay.status === 200 ? JSON.parse(replay.text).chunks.length : 0;
  return { events: events.length, chunks };
}

async function fill(c: ChildCollector, from: number): Promise<void> {
  const event = { user_id: 'u', session_id: 's', type: 'event', name: 'n' };
  const sent = await c.send(Array.from({ length: 10 }, () => event));
  const headers = { 'x-spyglass-key': KEY };
  const body = gzipSync(randomBytes(20));
  const uploaded = await c.get(`/v1/replay?session=s&seq=${from}`, { method: 'POST', headers, body });
  if (sent.status !== 204 || uploaded.status !== 204)
    throw new Error(`answered ${sent.status} and ${uploaded.status}`);
}

const RETENTION = { retention: { events_days: 30, replays_days: 21 } };

async function collector(t: Test, dataDir: string, env: NodeJS.ProcessEnv = {}): Promise<ChildCollector> {
  const c = await spawnCollector({ dataDir, ...RETENTION, env });
  t.teardown(() => c.stop('SIGKILL'));
  return c;
}

const stateOf = async (c: ChildCollector) => (await c.get('/readyz')).json();
const metric = async (c: ChildCollector, name: string) =>
  new RegExp(`^${name} (.+)$`, 'm').exec(await (await c.get('/metrics')).text())?.[1];

t.test('one start with the clock 400 days ahead deletes nothing, twice', async (t) => {
  const dataDir = t.testdir({});
  let c = await collector(t, dataDir);
  await fill(c, 1);
  t.same(await stateOf(c), { status: 'ready' });
  t.equal(await metric(c, 'spyglass_clock_trusted'), '1');
  await c.stop('SIGTERM');

  for (const seq of [2, 3]) {
    c = await collector(t, dataDir, shifted(400 * DAY_MS));
    t.same(await stateOf(c), { status: 'ready', clock: 'ahead' });
    t.equal(await metric(c, 'spyglass_clock_trusted'), '0');
    t.ok(Number(await metric(c, 'spyglass_clock_ahead_seconds')) > 399 * 86_400);
    t.ok(c.lines.some((line) => /"level":40.*"state":"ahead".*nothing is swept for 24 h/.test(line)));
    const asked = await runSpyglass(['sweep', '--config', c.configFile]);
    t.match(asked, { code: 1, stderr: /the clock says 20.*nothing was swept/ }, 'a sweep on request too');
    // Received in the future: no evidence for the next start.
    await fill(c, seq);
    t.same(await kept(c), { events: seq * 10, chunks: seq });
    await c.stop('SIGTERM');
  }

  const { code, stderr } = await runSpyglass(['sweep', '--data', dataDir, '--events-days', '1'], {
    env: shifted(400 * DAY_MS),
  });
  t.match([code, stderr], [1, /--trust-clock/], 'nor does a sweep without a collector');

  c = await collector(t, dataDir);
  t.same(await stateOf(c), { status: 'ready' });
  await fill(c, 4);
  t.same(await kept(c), { events: 40, chunks: 4 });
  t.equal(await metric(c, 'spyglass_store_late_events_total'), '0');
  await c.stop('SIGTERM');
});

t.test('--trust-clock says that the clock is right; a fence it leaves in the future refuses', async (t) => {
  const dataDir = t.testdir({});
  let c = await collector(t, dataDir);
  await fill(c, 1);
  await c.stop('SIGTERM');
  c = await collector(t, dataDir, shifted(400 * DAY_MS));
  const { code, stdout } = await runSpyglass(['sweep', '--config', c.configFile, '--trust-clock']);
  t.match([code, stdout], [0, /10 events and 1 replay chunks/]);
  t.same(await stateOf(c), { status: 'ready' });
  await c.stop('SIGTERM');

  c = await collector(t, dataDir);
  t.same(await stateOf(c), { status: 'ready', clock: 'behind' });
  const refused = await c.send([{ user_id: 'u', session_id: 's', type: 'event', name: 'n' }]);
  t.equal(refused.status, 503);
  t.equal(refused.headers.get('retry-after'), '60');
  t.match(await refused.text(), /the clock says .* set the clock right/);
  t.ok(c.lines.some((line) => /"level":40.*events are refused/.test(line)));
  await runSpyglass(['sweep', '--config', c.configFile, '--trust-clock']);
  await fill(c, 2);
  t.same(await kept(c), { events: 10, chunks: 1 }, 'stored, once somebody says that the clock is right');
  await c.stop('SIGTERM');
});
