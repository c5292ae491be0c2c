/** Ingest over HTTP, acknowledged after fsync with every view folded, against the ceiling, in interleaved rounds. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { APP, KEY } from './data.js';
import { openLoader } from './load.js';
import { median, type Row, spread } from './report.js';

const CONNECTIONS = 32;
const ROUNDS = 5;
const ROUND_S = 6;
const WARM_UP_S = 3;
const MAIN = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
const CEILING = fileURLToPath(new URL('./ceiling.js', import.meta.url));

interface Contestant {
  name: string;
  url: string;
  process: ChildProcess;
  requestsPerS: number[];
  p99Ms: number[];
}

async function start(name: string, port: number, args: string[]): Promise<Contestant> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 100; tries++) {
    await sleep(100);
    const answered = await fetch(`${url}/readyz`).then(
      () => true,
      () => false,
    );
    if (answered) return { name, url, process: child, requestsPerS: [], p99Ms: [] };
  }
  throw new Error(`${name} did not start`);
}

/** Anonymous resident memory in MB: mapped pages of the store are the system's to take back. */
function anonymousMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/RssAnon:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

export async function benchIngest(folder: string, say: (line: string) => void): Promise<Row[]> {
  const config = join(folder, 'ingest.config.json');
  writeFileSync(
    config,
    JSON.stringify({
      listen: '127.0.0.1:7481',
      dataDir: join(folder, 'ingest'),
      apps: { [APP]: { key: KEY } },
    }),
  );
  const loader = await openLoader(folder, CONNECTIONS);
  const spyglass = await start('spyglass', 7481, [MAIN, 'serve', '--config', config]);
  const ceiling = await start('ceiling', 7482, [CEILING, '7482']);
  let memoryMb = 0;
  const sampling = setInterval(() => {
    memoryMb = Math.max(memoryMb, anonymousMb(spyglass.process.pid ?? 0));
  }, 100);
  try {
    for (const { url } of [spyglass, ceiling]) await loader.load(url, WARM_UP_S);
    for (let round = 1; round <= ROUNDS; round++) {
      for (const contestant of [spyglass, ceiling]) {
        const { requestsPerS, p99Ms, failures } = await loader.load(contestant.url, ROUND_S);
        if (failures > 0) throw new Error(`${contestant.name}: ${failures} requests failed`);
        contestant.requestsPerS.push(requestsPerS);
        contestant.p99Ms.push(p99Ms);
        say(
          `round ${round}: ${contestant.name} ${requestsPerS.toFixed(0)} req/s, p99 ${p99Ms.toFixed(1)} ms`,
        );
      }
    }
  } finally {
    clearInterval(sampling);
    for (const { process: child } of [spyglass, ceiling]) child.kill('SIGTERM');
  }
  const ratios = spyglass.requestsPerS.map((rate, round) => rate / (ceiling.requestsPerS[round] ?? rate));
  return [
    {
      name: `ceiling, parse and 204 (${loader.name})`,
      value: median(ceiling.requestsPerS),
      unit: 'req/s',
      spread: spread(ceiling.requestsPerS),
    },
    {
      name: 'spyglass, durable and folded',
      value: median(spyglass.requestsPerS),
      unit: 'req/s',
      spread: spread(spyglass.requestsPerS),
    },
    {
      name: 'ingest ÷ ceiling',
      value: median(ratios),
      unit: '×',
      goal: { atLeast: 0.4 },
      spread: spread(ratios),
    },
    { name: 'ingest p99', value: median(spyglass.p99Ms), unit: 'ms', spread: spread(spyglass.p99Ms) },
    { name: 'memory under load (RssAnon, greatest)', value: memoryMb, unit: 'MB', goal: { below: 250 } },
  ];
}
