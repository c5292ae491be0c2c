/** The collector's two engines with the same data over HTTP: ingest, reads, bytes on disk. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../src/config/config.js';
import { DAY_MS } from '../src/domain/limits.js';
import { type Engine, startChdb } from '../test/support/clickhouse/chdb.js';
import { startCluster } from '../test/support/clickhouse/cluster.js';
import { APP, APPS, arrivals, type Body, END, KEY } from './data.js';
import { hashOf } from './questions.js';
import { median, type Row, spread } from './report.js';
import { type Server, startSpyglass } from './servers.js';
import { folderBytes } from './stores.js';

const IN_FLIGHT = [32, 256];
const FILL_IN_FLIGHT = 256;
/** The unit of processor time in Linux's `/proc`. */
const TICK_MS = 10;
const ROUNDS = 2;
const ROUND_MS = 5_000;
const RUNS = 15;
const WARM_RUNS = 3;
/** Time for merges after the fill. */
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
  /** Processes of the engine; none where it runs inside the collector. */
  pids(): number[];
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
  pids: engine.pids,
});

/** Each contender stores `events` events through a collector, then answers the reads. */
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
      pids: () => [],
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

/** Acknowledged events per second and the p99 latency, by the number of requests under way. */
async function ingest(
  contenders: readonly Contender[],
  home: string,
  say: (line: string) => void,
): Promise<Row[]> {
  const rows: Row[] = [];
  const servers = [];
  for (const contender of contenders) servers.push(await open(contender, home, INGEST_DATABASE));
  try {
    for (const inFlight of IN_FLIGHT) {
      const rate = new Map<string, number[]>();
      const p99 = new Map<string, number[]>();
      for (let round = 0; round < ROUNDS; round++) {
        for (const server of servers) {
          const { eventsPerS, latenciesMs } = await send(
            server,
            inFlight,
            arrivals(Number.MAX_SAFE_INTEGER),
            ROUND_MS,
          );
          rate.set(server.name, [...(rate.get(server.name) ?? []), eventsPerS]);
          const slowest =
            latenciesMs.sort((x, y) => x - y)[Math.floor(latenciesMs.length * 0.99)] ?? Number.NaN;
          p99.set(server.name, [...(p99.get(server.name) ?? []), slowest]);
          say(
            `${inFlight} under way, ${server.name}: ${eventsPerS.toFixed(0)} events/s, p99 ${slowest.toFixed(0)} ms`,
          );
        }
      }
      rows.push(
        row(`ingest, ${inFlight} requests under way`, 'events/s', contenders, rate),
        row(`ingest p99, ${inFlight} requests under way`, 'ms', contenders, p99),
      );
    }
  } finally {
    for (const server of servers) await server.stop();
  }
  return rows;
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
  const collectorUs = new Map<string, number[]>();
  const engineUs = new Map<string, number[]>();
  for (const contender of contenders) {
    const server = await open(contender, home, DATABASE);
    try {
      const [collectorMs, engineMs] = [cpuMs([server.pid]), cpuMs(contender.pids())];
      filled.set(contender.name, [(await send(server, FILL_IN_FLIGHT, arrivals(events))).eventsPerS]);
      say(`${contender.name}: filled`);
      await sleep(SETTLE_MS);
      const perEvent = 1_000 / events;
      collectorUs.set(contender.name, [(cpuMs([server.pid]) - collectorMs) * perEvent]);
      engineUs.set(contender.name, [(cpuMs(contender.pids()) - engineMs) * perEvent]);
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
    row(`all ${events} events stored, ${FILL_IN_FLIGHT} requests under way`, 'events/s', contenders, filled),
    row('processor time of the collector per event', 'µs', contenders, collectorUs),
    row('processor time of the engine per event', 'µs', contenders, engineUs),
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

/** Processor time of processes so far, ms; other work on the machine hardly changes it. */
function cpuMs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return sum + (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  }, 0);
}

/** Sends bodies, `inFlight` at a time, until there are no more or the time is up. */
async function send(
  { url, name }: Server,
  inFlight: number,
  bodies: Iterator<Body>,
  withinMs = Number.POSITIVE_INFINITY,
): Promise<{ eventsPerS: number; latenciesMs: number[] }> {
  const run = randomUUID();
  const began = performance.now();
  const latenciesMs: number[] = [];
  let serial = 0;
  let stored = 0;
  const client = async () => {
    for (let next = bodies.next(); !next.done; next = bodies.next()) {
      const start = performance.now();
      if (start - began > withinMs) return;
      const { app, events } = next.value;
      const key = app === APPS[0] ? KEY : `${KEY}_1`;
      const texts = events.map(
        ({ props, ...event }) => `${JSON.stringify(event).slice(0, -1)},"props":${props ?? '{}'}}`,
      );
      const body = `{"app":"${app}","key":"${key}","batch_id":"${run}-${serial++}","events":[${texts.join(',')}]}`;
      const answer = await fetch(`${url}/v1/events`, { method: 'POST', body });
      if (answer.status !== 204) throw new Error(`${name}: ${answer.status} ${await answer.text()}`);
      latenciesMs.push(performance.now() - start);
      stored += events.length;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, client));
  return { eventsPerS: (stored / (performance.now() - began)) * 1_000, latenciesMs };
}

/** Times of a read, ms, and a hash of its answer without ids, which differ between engines. */
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
  // Ids decide the order of events of one millisecond, and ids depend on which request came first.
  const listed = events?.map(({ id: _id, ...event }) => JSON.stringify(event)).sort();
  return { hash: hashOf([rest, listed?.slice(0, -1)]), times };
}
