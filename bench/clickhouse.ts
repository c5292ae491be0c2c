/** The two engines of the collector beside each other: the same data in over HTTP, the same questions, what it takes on disk. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProgress } from '../src/cli/progress.js';
import type { Config } from '../src/config.js';
import { type Engine, startChdb } from '../test/support/clickhouse/chdb.js';
import { startCluster } from '../test/support/clickhouse/cluster.js';
import { APP, APPS, arrivals, END, KEY } from './data.js';
import { contest } from './ingest.js';
import { hashOf } from './questions.js';
import { median, type Row, spread } from './report.js';
import { type Server, startSpyglass } from './servers.js';
import { folderBytes } from './stores.js';
import { openLoader } from './wrk.js';

const IN_FLIGHT = 32;
const ROUNDS = 3;
const RUNS = 15;
const WARM_RUNS = 3;
const DAY_MS = 86_400_000;
/** Merges of what was written go on for a while. */
const SETTLE_MS = 15_000;
const DATABASE = 'bench';
const INGEST_DATABASE = 'bench_ingest';
const FUNNEL = 'steps=action_1,action_2,action_3';
/** Seven days that begin and end off midnight. */
const WEEK = `from=${END - 20.3 * DAY_MS}&to=${END - 13.3 * DAY_MS}`;

const READS: readonly [name: string, path: string][] = [
  ['funnel of 3, all events', `/v1/query/funnel?${FUNNEL}`],
  ['funnel of 3, one app, 7 days off midnight', `/v1/query/funnel?${FUNNEL}&app=${APP}&${WEEK}`],
  ['aggregates, all time', '/v1/query/aggregates'],
  ['aggregates, 7 days off midnight', `/v1/query/aggregates?${WEEK}`],
  ['newest 100 of all', '/v1/query/events'],
  ['newest 100 of a user', '/v1/query/events?user=user-7@example.com'],
  ['newest 100 errors', '/v1/query/events?type=error'],
  ['users', '/v1/query/users'],
  ['sessions', '/v1/query/sessions'],
];

type Store = Config['store'];
interface Contender {
  name: string;
  store(database: string): Store;
  bytes(): Promise<number>;
}

const onEngine = (
  name: string,
  engine: Engine & { urls?: readonly string[] },
  bytes: () => Promise<number>,
): Contender => ({
  name,
  store: (database) => ({
    engine: 'clickhouse',
    url: (engine.urls ?? [engine.url]).join(','),
    database,
    ...(engine.cluster === undefined ? {} : { cluster: engine.cluster }),
  }),
  bytes,
});

/** `events` are stored by each, through a collector, then asked for. */
export async function benchClickhouse(
  folder: string,
  events: number,
  say: (line: string) => void,
): Promise<Row[]> {
  const home = mkdtempSync(join(folder, 'clickhouse-'));
  const chdb = await startChdb();
  const cluster = await startCluster();
  const sizeOf = `SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = '${DATABASE}'`;
  const contenders: Contender[] = [
    {
      name: 'spyglass',
      store: () => ({ engine: 'lmdb' }),
      bytes: async () => folderBytes(join(home, DATABASE, 'spyglass')),
    },
    onEngine('ClickHouse 26.7 in process', chdb, async () =>
      Number(await (await fetch(chdb.url, { method: 'POST', body: sizeOf })).text()),
    ),
    onEngine(
      'ClickHouse 18.16, two shards',
      cluster,
      async () => Number(await cluster.ask(0, sizeOf)) + Number(await cluster.ask(1, sizeOf)),
    ),
  ];
  try {
    return [...(await ingest(contenders, home, say)), ...(await stored(contenders, home, events, say))];
  } finally {
    await Promise.all([chdb.close(), cluster.close()]);
    rmSync(home, { recursive: true, force: true });
  }
}

const open = ({ name, store }: Contender, home: string, database: string): Promise<Server> =>
  startSpyglass({
    dataDir: join(home, database, name.replaceAll(/\W/g, '-')),
    folder: home,
    name,
    store: store(database),
  });

async function ingest(
  contenders: readonly Contender[],
  home: string,
  say: (line: string) => void,
): Promise<Row[]> {
  const servers = [];
  for (const contender of contenders) servers.push(await open(contender, home, INGEST_DATABASE));
  try {
    const loader = await openLoader(home, { connections: IN_FLIGHT, eventsABody: 20 });
    const { rate, p99 } = await contest(servers, loader, say, ROUNDS);
    return [
      row('ingest, 20 events a body, 32 connections', 'req/s', contenders, rate),
      row('ingest p99', 'ms', contenders, p99),
    ];
  } finally {
    for (const server of servers) await server.stop();
  }
}

async function stored(
  contenders: readonly Contender[],
  home: string,
  events: number,
  say: (line: string) => void,
): Promise<Row[]> {
  const bytes = new Map<string, number[]>();
  const filled = new Map<string, number[]>();
  const reads = new Map<string, Map<string, number[]>>(READS.map(([name]) => [name, new Map()]));
  const memory = new Map<string, number[]>();
  const hashes = new Map<string, string>();
  for (const contender of contenders) {
    const server = await open(contender, home, DATABASE);
    try {
      filled.set(contender.name, [events / (await fill(server, events))]);
      say(`${contender.name}: filled`);
      await sleep(SETTLE_MS);
      for (const [name, path] of READS) {
        const { hash, times } = await time(server, path);
        reads.get(name)?.set(contender.name, times);
        if (hashes.get(name) !== undefined && hashes.get(name) !== hash)
          throw new Error(`${name}: ${contender.name} gives another answer`);
        hashes.set(name, hash);
      }
      memory.set(contender.name, [server.anonymousMb()]);
      bytes.set(contender.name, [(await contender.bytes()) / events]);
    } finally {
      await server.stop();
    }
  }
  return [
    row('stored through a collector by one slow client', 'events/s', contenders, filled),
    ...READS.map(([name]) => ({
      ...row(`HTTP: ${name}`, 'ms', contenders, reads.get(name) ?? new Map()),
      hash: hashes.get(name) ?? '',
    })),
    row('bytes on disk per event', 'B', contenders, bytes),
    row('memory of the collector (RssAnon)', 'MB', contenders, memory),
  ];
}

function row(
  name: string,
  unit: string,
  contenders: readonly Contender[],
  found: ReadonlyMap<string, number[]>,
): Row {
  const of = (contender: string) => found.get(contender) ?? [];
  const own = of('spyglass');
  const others = contenders.filter((one) => one.name !== 'spyglass');
  return {
    name,
    unit,
    value: median(own),
    spread: spread(own),
    peers: Object.fromEntries(others.map((one) => [one.name, median(of(one.name))])),
  };
}

/** Sends the benchmark's data, `IN_FLIGHT` bodies at a time; returns how many seconds it took. */
async function fill({ url, name }: Server, events: number): Promise<number> {
  const bodies = arrivals(events);
  const progress = await startProgress(`fill ${name}`, 'events');
  const began = performance.now();
  let serial = 0;
  let done = 0;
  const client = async () => {
    for (let next = bodies.next(); !next.done; next = bodies.next()) {
      const { app, events: made } = next.value;
      const key = app === APPS[0] ? KEY : `${KEY}_1`;
      const texts = made.map(
        ({ props, ...event }) => `${JSON.stringify(event).slice(0, -1)},"props":${props ?? '{}'}}`,
      );
      const body = `{"app":"${app}","key":"${key}","batch_id":"bench-${serial++}","events":[${texts.join(',')}]}`;
      const answer = await fetch(`${url}/v1/events`, { method: 'POST', body });
      if (answer.status !== 204) throw new Error(`${name}: ${answer.status} ${await answer.text()}`);
      done += made.length;
      progress.update(done, events);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, client));
  progress.stop();
  return (performance.now() - began) / 1_000;
}

/** Times of a read, and a hash of its answer without the ids, which are each engine's own. */
async function time({ url }: Server, path: string): Promise<{ hash: string; times: number[] }> {
  const times: number[] = [];
  let text = '';
  for (let run = -WARM_RUNS; run < RUNS; run++) {
    const start = performance.now();
    const answer = await fetch(`${url}${path}`);
    text = await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
    if (run >= 0) times.push(performance.now() - start);
  }
  const {
    head: _head,
    next_cursor: _cursor,
    events,
    ...rest
  } = JSON.parse(text) as { head?: number; next_cursor?: string; events?: { id: number }[] };
  // Events of one millisecond stand in the order of their ids, which depends on which request came first.
  const listed = events?.map(({ id: _id, ...event }) => JSON.stringify(event)).sort();
  return { hash: hashOf([rest, listed?.slice(0, -1)]), times };
}
