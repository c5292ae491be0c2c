/**
 * A collector with raised limits over very many names, error messages, days, sessions of one user and chunks, and events that
 * fill bodies: no JSON answer is larger than 8 MiB, none is late, memory stays small. Prints how long look-ups beside them take.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { ANSWER_BYTES_MAX } from '../../src/domain/limits.js';
import { openStore } from '../../src/store/open.js';
import { ReadTimeout } from '../../src/store/port.js';
import { spawnCollector } from '../support/collector.js';
import { APP, fillHostile, NO_JSON, OTHER_APP, pathOf, requestsOf } from '../support/hostile-store.js';
import { registeredRoutes } from '../support/routes.js';

/** `SPYGLASS_ROWS=1000000` takes half an hour. */
const ROWS = Number(process.env.SPYGLASS_ROWS ?? 20_000);
/** A read ends after 5 s; the machine may be busy. */
const LATE_MS = 8_000;
/** With bodies of up to 32 MiB, the most the configuration takes. */
const ANON_MB_MAX = 300;

t.setTimeout(1_200_000);
const dataDir = await mkdtemp(join(tmpdir(), 'spyglass-bounded-'));
t.teardown(() => rm(dataDir, { recursive: true, force: true, maxRetries: 3 }));
const filledAt = performance.now();
await fillHostile(dataDir, {
  ...{ fat: 80, fatBytes: 900_000, hugeBytes: 20 * 1_048_576, names: ROWS, groups: ROWS },
  ...{ days: ROWS, sessions: ROWS, chunks: ROWS },
});
t.comment(`filled in ${Math.round((performance.now() - filledAt) / 1_000)} s`);

const collector = await spawnCollector({
  dataDir,
  limits: { body_bytes: 32 * 1_048_576, chunk_bytes: 64 * 1_048_576 },
});
t.teardown(() => collector.close());

async function ask(path: string): Promise<{ status: number; bytes: number; ms: number; text: string }> {
  const start = performance.now();
  const answer = await collector.get(path);
  const text = await answer.text();
  return { status: answer.status, bytes: Buffer.byteLength(text), ms: performance.now() - start, text };
}

const anonMb = (): number => {
  const status = readFileSync(`/proc/${collector.pid}/status`, 'utf8');
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1_024;
};

interface Listed {
  events: { id: number }[];
}
function parse<T>({ status, text }: { status: number; text: string }): T {
  if (status !== 200) throw new Error(`${status} ${text}`);
  return JSON.parse(text) as T;
}
const first = async (query: string): Promise<number> =>
  parse<Listed>(await ask(`/v1/query/events?limit=1&${query}`)).events[0]?.id ?? 0;

t.test('every route is bounded in bytes, time and memory', async (t) => {
  const ids: number[] = [];
  for (const query of [
    'session=fat&type=error',
    'type=bug_report',
    'user=daily&type=error',
    'session=errors',
  ])
    ids.push(await first(query));
  const incident = JSON.parse((await ask(`/v1/incidents/${ids[0]}`)).text) as { group: string };
  const requests = requestsOf(incident.group, ids);
  const routes = (await registeredRoutes())
    .filter((route) => route.startsWith('GET /v1/') && !NO_JSON.includes(route.slice(4)))
    .map((route) => route.slice(4));

  let isDone = false;
  let peakMb = 0;
  const lookups: number[] = [];
  const beside = (async () => {
    while (!isDone) {
      const { status, ms } = await ask(`/v1/events/${ids[3]}`);
      t.equal(status, 200);
      lookups.push(ms);
      peakMb = Math.max(peakMb, anonMb());
      await sleep(20);
    }
  })();
  for (const route of routes) {
    t.ok(requests[route]?.length, `${route} is asked`);
    for (const asked of requests[route] ?? []) {
      const path = pathOf(route, asked);
      const { status, bytes, ms, text } = await ask(path);
      t.comment(`${path}: ${status}, ${bytes} bytes, ${Math.round(ms)} ms, ${Math.round(anonMb())} MB`);
      t.ok(status === 200 || status === 504, `${path}: ${status} ${text.slice(0, 200)}`);
      t.ok(bytes <= ANSWER_BYTES_MAX, `${path}: ${bytes} bytes`);
      t.ok(ms < LATE_MS, `${path}: ${Math.round(ms)} ms`);
    }
  }
  isDone = true;
  await beside;
  t.ok(peakMb < ANON_MB_MAX, `${Math.round(peakMb)} MB`);
  const p95 = lookups.sort((a, b) => a - b)[Math.floor(lookups.length * 0.95)] ?? 0;
  t.comment(`${p95.toFixed(1)} ms for 95 of 100 look-ups of ${lookups.length}`);
});

t.test('days of several apps, which no reader has today, are bounded too', async (t) => {
  await collector.stop('SIGTERM');
  const { store } = await openStore({ dataDir, apps: {}, limits: collector.config.limits });
  try {
    const { dau, truncated } = await store.ask('aggregates', { apps: [APP, OTHER_APP], limit: 10 });
    // 8 MiB have room for some 270,000 days.
    if (ROWS > 270_000) t.equal(truncated, true);
    t.ok(dau.length > 1_000, `${dau.length} days`);
  } catch (error) {
    t.ok(error instanceof ReadTimeout, String(error));
  }
  t.equal(store.reads().deaths, 0, 'no thread ran out of memory');
  await store.close();
});
