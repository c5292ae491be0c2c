/** Queries over HTTP on a filled store, warm caches; and how fast every view is rebuilt. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { pino } from 'pino';
import { startCollector } from '../src/cli/collector.js';
import type { Config } from '../src/config.js';
import { openEnv } from '../src/log/env.js';
import { openLog } from '../src/log/log.js';
import { rebuildAside } from '../src/projections/rebuild.js';
import { openLmdbStore } from '../src/store/lmdb-store.js';
import { APP, bodyEvents, KEY, randomFrom } from './data.js';
import { median, type Row, spread } from './report.js';

const RUNS = 30;
const GROUP_BODIES = 500;
const DAYS = 30;
const USERS = 50_000;
/** A fixed end keeps the data, and so every answer, the same from run to run. */
const END = Date.UTC(2026, 5, 30, 15);

async function fill(dataDir: string, events: number, say: (line: string) => void): Promise<void> {
  const store = await openLmdbStore({ dataDir });
  const random = randomFrom(1);
  const shape = { users: USERS, end: END, days: DAYS, bodies: Math.ceil(events / 20) };
  const start = performance.now();
  let stored = 0;
  for (let serial = 0; stored < events; ) {
    const group = Array.from({ length: GROUP_BODIES }, () => ({
      app: APP,
      receivedAt: END,
      events: bodyEvents(random, shape, serial++),
    }));
    const settled = await store.append(group);
    if (settled.some(({ status }) => status === 'rejected')) throw new Error('a batch was refused');
    stored += GROUP_BODIES * 20;
  }
  say(`filled ${stored} events in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  await store.close();
}

async function time(url: string): Promise<number[]> {
  const times: number[] = [];
  for (let run = -3; run < RUNS; run++) {
    const start = performance.now();
    const answer = await fetch(url);
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
    if (run >= 0) times.push(performance.now() - start);
  }
  return times;
}

function benchRebuild(folder: string, dataDir: string): Row {
  const source = openEnv(dataDir, { mode: 'read' });
  const log = openLog(source);
  const aside = openEnv(mkdtempSync(join(folder, 'aside-')), { mode: 'scratch' });
  const start = performance.now();
  rebuildAside(aside, log, () => {});
  const rate = log.head() / ((performance.now() - start) / 1000);
  return { name: 'rebuild of every view', value: rate, unit: 'events/s', goal: { atLeast: 500_000 } };
}

export async function benchQueries(
  folder: string,
  events: number,
  say: (line: string) => void,
): Promise<Row[]> {
  const dataDir = join(folder, 'queries');
  rmSync(dataDir, { recursive: true, force: true });
  await fill(dataDir, events, say);
  const config: Config = {
    listen: { host: '127.0.0.1', port: 0 },
    dataDir,
    apps: { [APP]: { key: KEY, origins: [] } },
    retention: { replays_days: 0, events_days: 0 },
    auth: { open: false },
    disk: { replay_bytes_per_hour: 0, replay_free_bytes: 0, events_free_bytes: 0 },
    limits: { body_bytes: 1_048_576, chunk_bytes: 8_388_608, events_per_minute: 0 },
  };
  const rows: Row[] = [];
  const collector = await startCollector(config, pino({ level: 'silent' }));
  const base = `${collector.url}/v1`;
  const error = (await (await fetch(`${base}/query/events?type=error&limit=1`)).json()) as {
    events: { id: number }[];
  };
  const range = `from=${END - 20.3 * 86_400_000}&to=${END - 13.3 * 86_400_000}`;
  const queries: [name: string, path: string, belowMs: number][] = [
    ['aggregates, all time', 'query/aggregates', 5],
    ['aggregates, 7 days off midnight', `query/aggregates?${range}`, 5],
    ['funnel of 3, all time', 'query/funnel?steps=action_1,action_2,action_3', 20],
    ['funnel of 3, 7 days off midnight', `query/funnel?steps=action_1,action_2,action_3&${range}`, 20],
    ['newest 100 of all', 'query/events', 5],
    ['newest 100 of a user', 'query/events?user=user-7@example.com', 5],
    ['newest 100 errors', 'query/events?type=error', 5],
    ['users', 'query/users', 5],
    ['sessions', 'query/sessions', 5],
    ['errors by group, all time', 'query/errors', 50],
    ['errors by group, 7 days off midnight', `query/errors?${range}`, 20],
    ['names by prefix', 'query/names?prefix=a', 5],
    ["a user's days", 'query/activity?user=user-7@example.com', 50],
    ['incident', `incidents/${error.events[0]?.id}`, 5],
  ];
  try {
    for (const [name, path, below] of queries) {
      const times = await time(`${base}/${path}`);
      rows.push({ name, value: median(times), unit: 'ms', goal: { below }, spread: spread(times) });
    }
    const { head, file_bytes } = await collector.store.stats();
    rows.push({ name: 'bytes on disk per event', value: file_bytes / head, unit: 'B' });
  } finally {
    await collector.close();
  }
  rows.push(benchRebuild(folder, dataDir));
  return rows;
}
