/**
 * The worst data there is for its bytes, in the memory of the shipped container: each event a record batch of one user, with a
 * session, a name and an hour of its own, and props that are not ASCII. Whatever was taken in can be started on, stopped,
 * verified, backed up, rebuilt, restored, imported and erased. Prints seconds and memory of each. `SPYGLASS_WORST_EVENTS` says
 * how many events; a million takes most of an hour.
 */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import tap, { type Test } from 'tap';
import type { JsonText } from '../../src/domain/event.js';
import { DAY_MS } from '../../src/domain/limits.js';
import { openLog } from '../../src/log/batches/log.js';
import { openEnv } from '../../src/log/file/env.js';
import { newestInWal } from '../../src/log/wal/wal.js';
import { endLine, eventLine, headerLine } from '../../src/store/offline/export-format.js';
import { verifyStore } from '../../src/store/offline/verify.js';
import { APP, KEY, writeConfig } from '../support/collector.js';
import { HOW_LIMITED, type Limited, MEMORY_BYTES, type Ran, startLimited } from '../support/limited.js';
import { chunk, postReplay } from '../support/replay.js';
import { configFor, freePort } from '../support/worst.js';

const EVENTS = Number(process.env.SPYGLASS_WORST_EVENTS ?? 60_000);
const BODY_EVENTS = 4_000;
/** Replay chunks, of one session each. */
const CHUNKS = 100;
/** From the start of the process until it takes events in, whatever the last run left in the WAL. */
const START_S_MAX = 10;
const USER = 'service-account';
const YEAR_MS = 365 * DAY_MS;
/** Anonymous memory; what is left of the limit holds pages of the data file. */
const PEAK_BYTES_MAX = 0.75 * MEMORY_BYTES;

tap.setTimeout(3_600_000);
const dir = tap.testdir({});
const dataDir = join(dir, 'data');
const configFile = join(dir, 'spyglass.config.json');
const port = await freePort();
const url = `http://127.0.0.1:${port}`;
await writeConfig(configFile, configFor(dataDir, port));
/** Work folders must not be looked for where the container has 16 MiB. */
const ENV = { TMPDIR: join(dir, 'no-such-folder') };

/** Event `n`, its time somewhere in the last years: no two neighbours share an hour. */
function worstEvent(n: number, years: number) {
  const ts = Date.now() - Math.floor(((n * 0.618_033_988_7) % 1) * years * YEAR_MS);
  return {
    ts,
    user_id: USER,
    session_id: `sitzung ${n}`,
    type: n % 7 === 0 ? 'error' : 'event',
    name: `Auftrag ${n} wurde nicht gefunden: é`,
  } as const;
}

const mib = (bytes: number): string => `${Math.round(bytes / 1_048_576)} MiB`;
function tell(t: Test, what: string, { seconds, peakBytes }: Pick<Ran, 'seconds' | 'peakBytes'>): void {
  console.error(`# ${what}: ${seconds.toFixed(1)} s, ${mib(peakBytes)}`);
  t.ok(peakBytes < PEAK_BYTES_MAX, `${what}: ${mib(peakBytes)}`);
}

const statusOf = (path: string): Promise<number> =>
  fetch(url + path).then(
    async (answer) => {
      await answer.arrayBuffer();
      return answer.status;
    },
    () => 0,
  );

async function waitFor(path: string, collector: Limited): Promise<number> {
  const start = performance.now();
  while ((await statusOf(path)) !== 200) {
    if (collector.process.exitCode !== null) throw new Error(`the collector ended:\n${collector.output()}`);
    await sleep(200);
  }
  return (performance.now() - start) / 1_000;
}

async function startCollector(t: Test): Promise<Limited> {
  const collector = startLimited(['serve', '--quiet', '--config', configFile], ENV);
  tap.teardown(() => collector.process.kill('SIGKILL'));
  const seconds = await waitFor('/healthz', collector);
  console.error(`# start until it takes events in: ${seconds.toFixed(1)} s`);
  t.ok(seconds < START_S_MAX, `${seconds} s until it takes events in`);
  return collector;
}

/** Commits that are in the WAL and not in the tables of a store that nobody has open. */
async function unappliedCommits(): Promise<number> {
  const env = openEnv(dataDir, { mode: 'read' });
  try {
    const log = openLog(env);
    return Math.max(0, newestInWal(dataDir, log.storeId) - log.counters().commit + 1);
  } finally {
    await env.close();
  }
}

/** Sends events until each is acknowledged. */
async function sendAll(from: number, end: number): Promise<void> {
  const send = async (at: number): Promise<void> => {
    const events = Array.from({ length: Math.min(BODY_EVENTS, end - at) }, (_, i) => ({
      ...worstEvent(at + i, 26),
      props: { é: `ü ${at + i}` },
    }));
    const text = JSON.stringify({
      app: APP,
      key: KEY,
      batch_id: `worst-batch-${at}`,
      sent_at: Date.now(),
      events,
    });
    const body = gzipSync(text, { level: 1 });
    const init = { method: 'POST', body, headers: { 'content-encoding': 'gzip' } };
    for (let status = 0; status !== 204; await sleep(status === 204 ? 0 : 100)) {
      status = await fetch(`${url}/v1/events`, init).then(
        (answer) => answer.status,
        () => 0,
      );
      if (![204, 503, 0].includes(status)) throw new Error(`events were refused with ${status}`);
    }
  };
  for (let at = from; at < end; at += 4 * BODY_EVENTS) {
    const bodies = [0, 1, 2, 3].map((n) => at + n * BODY_EVENTS).filter((first) => first < end);
    await Promise.all(bodies.map(send));
  }
}

console.error(`# ${EVENTS} events, limited ${HOW_LIMITED}`);

tap.test('killed while it is behind, it takes events in again at once, and has everything', async (t) => {
  const first = await startCollector(t);
  for (let n = 0; n < CHUNKS; n++) {
    const query = new URLSearchParams({ app: APP, session: worstEvent(n, 26).session_id, seq: '1' });
    const { status } = await postReplay(url, `${query}`, chunk(`${n}`), KEY);
    if (status !== 204) throw new Error(`a chunk was refused with ${status}`);
  }
  const start = performance.now();
  await sendAll(0, EVENTS - BODY_EVENTS);
  console.error(`# acknowledged in ${((performance.now() - start) / 1_000).toFixed(1)} s`);
  first.process.kill('SIGKILL');
  tell(t, 'taking in', await first.ended);
  const behind = await unappliedCommits();
  t.ok(behind > 0, `${behind} commits were behind`);

  const second = await startCollector(t);
  await sendAll(EVENTS - BODY_EVENTS, EVENTS);
  second.process.kill('SIGTERM');
  const ended = await second.ended;
  t.same([ended.code, ended.signal], [0, null], 'a stop amid it ends in order, and soon');
  tell(t, 'start and stop', ended);

  const third = await startCollector(t);
  console.error(`# until reads have everything: ${(await waitFor('/readyz', third)).toFixed(1)} s`);
  const { head } = (await (await fetch(`${url}/v1/query/events?limit=1`)).json()) as { head: number };
  t.equal(head, EVENTS);
  for (const args of [
    ['verify', '--data', dataDir],
    ['backup', join(dir, 'backup'), '--data', dataDir],
    ['rebuild', '--data', dataDir],
  ]) {
    const ran = await startLimited(args, ENV).ended;
    t.equal(ran.code, 0, ran.code === 0 ? 'ends well' : ran.output);
    tell(t, args[0] ?? '', ran);
  }
  const before = performance.now();
  const answer = await fetch(`${url}/v1/erase`, { method: 'POST', body: JSON.stringify({ user: USER }) });
  t.match(await answer.json(), { events: EVENTS, sessions: EVENTS, chunks: CHUNKS });
  console.error(`# erase: ${((performance.now() - before) / 1_000).toFixed(1)} s`);
  t.equal(await statusOf('/readyz'), 200);
  third.process.kill('SIGTERM');
  const last = await third.ended;
  t.equal(last.code, 0, last.code === 0 ? 'ends well' : last.output);
  tell(t, 'the collector, with rebuild and erasure', last);
  t.equal(await unappliedCommits(), 0);
  t.match(await verifyStore(dataDir, () => {}), { events: 0, problem: undefined });
});

tap.test('the backup is restored', async (t) => {
  const ran = await startLimited(['restore', join(dir, 'backup'), '--data', join(dir, 'restored')], ENV)
    .ended;
  t.equal(ran.code, 0, ran.code === 0 ? 'ends well' : ran.output);
  tell(t, 'restore', ran);
});

tap.test('fifty years of it are imported', async (t) => {
  const file = join(dir, 'export.ndjson');
  const lines = createWriteStream(file);
  lines.write(`${headerLine({ store: 'b1f6a1d2-0000-4000-8000-000000000002', after: 0, head: EVENTS })}\n`);
  for (let n = 0; n < EVENTS; n++) {
    const props = `{"é":"ü ${n}"}` as JsonText;
    const line = eventLine({ id: n + 1, app: APP, ...worstEvent(n, 50), props });
    if (!lines.write(`${line}\n`)) await once(lines, 'drain');
  }
  lines.end(`${endLine(EVENTS, EVENTS)}\n`);
  await once(lines, 'finish');
  const imported = join(dir, 'imported');
  const ran = await startLimited(['import', file, '--data', imported], ENV).ended;
  t.equal(ran.code, 0, ran.code === 0 ? 'ends well' : ran.output);
  tell(t, 'import', ran);
  const erased = await startLimited(['erase', '--user', USER, '--data', imported], ENV).ended;
  t.equal(erased.code, 0, erased.code === 0 ? 'ends well' : erased.output);
  tell(t, 'erase without a collector', erased);
});
