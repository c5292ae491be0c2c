/** Ingest over HTTP, acknowledged after fsync, compared with the ceiling and the reference design in interleaved rounds. */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { median, type Row, spread } from './report.js';
import { type Server, startCeiling, startReference, startSpyglass } from './servers.js';
import { type Loader, openLoader } from './wrk.js';

const ROUNDS = 5;
const ROUND_S = 3;
const WARM_UP_S = 3;

interface Contest {
  rate: Map<string, number[]>;
  p99: Map<string, number[]>;
  memoryMb: number;
}

/** Interleaved, so that other work on the machine affects all servers. */
export async function contest(
  servers: readonly Server[],
  loader: Loader,
  say: (line: string) => void,
  rounds = ROUNDS,
): Promise<Contest> {
  const rate = new Map<string, number[]>(servers.map(({ name }) => [name, []]));
  const p99 = new Map<string, number[]>(servers.map(({ name }) => [name, []]));
  const [watched] = servers;
  let memoryMb = 0;
  const sampling = setInterval(() => {
    memoryMb = Math.max(memoryMb, watched?.anonymousMb() ?? 0);
  }, 100);
  try {
    for (const { url } of servers) await loader.load(url, WARM_UP_S);
    for (let round = 1; round <= rounds; round++) {
      for (const { name, url } of round % 2 === 1 ? servers : [...servers].reverse()) {
        const { requestsPerS, p99Ms, failures } = await loader.load(url, ROUND_S);
        if (failures > 0) throw new Error(`${name}: ${failures} requests failed`);
        rate.get(name)?.push(requestsPerS);
        p99.get(name)?.push(p99Ms);
        say(`round ${round}: ${name} ${requestsPerS.toFixed(0)} req/s, p99 ${p99Ms.toFixed(1)} ms`);
      }
    }
  } finally {
    clearInterval(sampling);
  }
  return { rate, p99, memoryMb };
}

/** The median of the per-round ratios of one server to another. */
export function ratioRow({ rate }: Contest, name: string, of: [string, string], atLeast?: number): Row {
  const [mine = [], other = []] = of.map((server) => rate.get(server));
  const ratios = mine.map((value, round) => value / (other[round] ?? Number.NaN));
  const goal = atLeast === undefined ? {} : { goal: { atLeast } };
  return { name, value: median(ratios), unit: '×', spread: spread(ratios), ...goal };
}

function rateRow({ rate }: Contest, name: string, others: readonly string[]): Row {
  const mine = rate.get('spyglass') ?? [];
  const peers = Object.fromEntries(others.map((other) => [other, median(rate.get(other) ?? [])]));
  return { name, value: median(mine), unit: 'req/s', spread: spread(mine), peers };
}

function medianFsyncMs(folder: string): number {
  const file = openSync(join(folder, 'fsync'), 'w');
  const page = Buffer.alloc(4_096, 1);
  const times = Array.from({ length: 200 }, () => {
    const start = performance.now();
    writeSync(file, page, 0, page.length, 0);
    fdatasyncSync(file);
    return performance.now() - start;
  });
  closeSync(file);
  return median(times);
}

export async function benchIngest(folder: string, say: (line: string) => void): Promise<Row[]> {
  const home = mkdtempSync(join(folder, 'ingest-'));
  const servers = [
    await startSpyglass({ dataDir: join(home, 'data'), folder: home }),
    await startCeiling(),
    await startReference(join(home, 'normal.db'), 'NORMAL'),
    await startReference(join(home, 'full.db'), 'FULL'),
  ];
  try {
    const loader = await openLoader(home, { connections: 32, eventsABody: 20 });
    const found = await contest(servers, loader, say);
    const others = ['ceiling', 'reference NORMAL', 'reference FULL'];
    const p99 = found.p99.get('spyglass') ?? [];
    return [
      rateRow(found, 'ingest, 20 events a body, 32 connections', others),
      ratioRow(found, 'ingest ÷ ceiling', ['spyglass', 'ceiling'], 0.6),
      ratioRow(found, 'ingest ÷ reference NORMAL', ['spyglass', 'reference NORMAL'], 4.5),
      ratioRow(found, 'ingest ÷ reference FULL', ['spyglass', 'reference FULL']),
      { name: 'ingest p99', value: median(p99), unit: 'ms', spread: spread(p99), goal: { below: 25 } },
      {
        name: 'memory under load (RssAnon, greatest)',
        value: found.memoryMb,
        unit: 'MB',
        goal: { below: 220 },
        peers: { reference: servers[2]?.anonymousMb() ?? 0 },
      },
    ];
  } finally {
    for (const server of servers) await server.stop();
  }
}

export async function benchSingles(folder: string, say: (line: string) => void): Promise<Row[]> {
  const home = mkdtempSync(join(folder, 'singles-'));
  const fsyncMs = medianFsyncMs(home);
  const servers = [await startSpyglass({ dataDir: join(home, 'data'), folder: home }), await startCeiling()];
  try {
    const loader = await openLoader(home, { connections: 128, eventsABody: 1 });
    const found = await contest(servers, loader, say);
    const ceiling = median(found.rate.get('ceiling') ?? []);
    const goal = { atLeast: Math.min(0.6 * ceiling, 64_000 / fsyncMs) };
    return [
      { ...rateRow(found, 'ingest, 1 event a body, 128 connections', ['ceiling']), goal },
      { name: 'fdatasync of one page', value: fsyncMs, unit: 'ms' },
    ];
  } finally {
    for (const server of servers) await server.stop();
  }
}
