/** A collector on a full store: start, idle memory, reads over HTTP, ingest compared with an empty store and beside funnels. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProgress } from '../src/cli/progress.js';
import { rebuildStore } from '../src/store/offline/rebuild.js';
import { contest, ratioRow } from './ingest.js';
import { median, type Row, spread } from './report.js';
import { type Server, startSpyglass } from './servers.js';
import { openFilled, storeOf } from './stores.js';
import { openLoader } from './wrk.js';

const STARTS = 5;
const IDLE_S = 8;
const HTTP_RUNS = 100;
/** Reads before the clock starts, so that client and collector are warm. */
const HTTP_WARM_RUNS = 50;
const PACE_S = 5;
const PACE_ROUNDS = 3;
const FUNNEL = '/v1/query/funnel?steps=action_1,action_2,action_3';

/** A copy of the filled store to write to. */
export async function copyOf(events: number, folder: string): Promise<{ home: string; dataDir: string }> {
  const { engine } = await openFilled('spyglass', events);
  await engine.close();
  const home = mkdtempSync(join(folder, 'stored-'));
  const dataDir = join(home, 'data');
  cpSync(storeOf(events, 'spyglass'), dataDir, { recursive: true });
  return { home, dataDir };
}

/** Start until `/readyz`, idle memory, and reads over HTTP. */
export async function benchServe(folder: string, events: number): Promise<Row[]> {
  const { home, dataDir } = await copyOf(events, folder);
  const starts: number[] = [];
  for (let start = 0; start < STARTS; start++) {
    const server = await startSpyglass({ dataDir, folder: home });
    starts.push(server.readyMs);
    await server.stop();
  }
  const server = await startSpyglass({ dataDir, folder: home });
  try {
    await sleep(IDLE_S * 1_000);
    const idleMb = server.anonymousMb();
    const rows: Row[] = [
      {
        name: 'start until ready',
        value: median(starts),
        unit: 'ms',
        spread: spread(starts),
        goal: { below: 1_000 },
      },
      { name: 'memory when idle (RssAnon)', value: idleMb, unit: 'MB', goal: { below: 110 } },
    ];
    const errors = (await (await fetch(`${server.url}/v1/query/events?type=error`)).json()) as {
      events: { id: number }[];
    };
    const reads: [name: string, path: string, belowMs?: number][] = [
      ['newest 100 of all', '/v1/query/events', 3],
      ['newest 100 of a user', '/v1/query/events?user=user-7@example.com', 3],
      ['newest 100 errors', '/v1/query/events?type=error', 3],
      ['incident', `/v1/incidents/${errors.events.at(-1)?.id}`, 3],
      ['users', '/v1/query/users', 3],
      ['sessions', '/v1/query/sessions', 3],
      ['aggregates', '/v1/query/aggregates', 5],
      ['funnel of 3', FUNNEL],
    ];
    for (const [name, path, below] of reads) {
      const times = await timeHttp(server, path);
      const goal = below === undefined ? {} : { goal: { below } };
      rows.push({ name: `HTTP: ${name}`, value: median(times), unit: 'ms', spread: spread(times), ...goal });
    }
    return rows;
  } finally {
    await server.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

/** Uses Node's plain client on one connection: `fetch` adds up to a millisecond. */
async function timeHttp({ url }: Server, path: string): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const times: number[] = [];
  for (let run = -HTTP_WARM_RUNS; run < HTTP_RUNS; run++) {
    const start = performance.now();
    await read(`${url}${path}`, agent);
    if (run >= 0) times.push(performance.now() - start);
  }
  agent.destroy();
  return times;
}

function read(url: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent }, (answer) => {
      answer.resume().once('error', reject);
      answer.once('end', () => {
        if (answer.statusCode === 200) resolve();
        else reject(new Error(`${url}: ${answer.statusCode}`));
      });
    });
    request.once('error', reject);
  });
}

/** Ingest on a full store compared with an empty one. */
export async function benchFull(folder: string, events: number, say: (line: string) => void): Promise<Row[]> {
  const { home, dataDir } = await copyOf(events, folder);
  const servers = [
    await startSpyglass({ dataDir, folder: home, name: 'full' }),
    await startSpyglass({ dataDir: join(home, 'empty'), folder: home, name: 'empty' }),
  ];
  try {
    const loader = await openLoader(home, { connections: 32, eventsABody: 20 });
    const found = await contest(servers, loader, say);
    return [ratioRow(found, 'ingest on a full store ÷ on an empty one', ['full', 'empty'], 0.9)];
  } finally {
    for (const server of servers) await server.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

/** The p99 of ingest at half the full load, quiet and while funnels over all events run back to back. */
export async function benchBeside(
  folder: string,
  events: number,
  say: (line: string) => void,
): Promise<Row[]> {
  const { home, dataDir } = await copyOf(events, folder);
  const server = await startSpyglass({ dataDir, folder: home });
  try {
    const loader = await openLoader(home, { connections: 32, eventsABody: 20 });
    await loader.load(server.url, 2);
    const half = Math.round((await loader.load(server.url, 4)).requestsPerS / 2);
    const quiet: number[] = [];
    const busy: number[] = [];
    let funnels = 0;
    for (let round = 0; round < PACE_ROUNDS; round++) {
      quiet.push((await loader.pace(server.url, PACE_S, half)).p99Ms);
      let isAsking = true;
      const asking = (async () => {
        for (; isAsking; funnels++) await (await fetch(server.url + FUNNEL)).arrayBuffer();
      })();
      busy.push((await loader.pace(server.url, PACE_S, half)).p99Ms);
      isAsking = false;
      await asking;
      say(
        `p99 at ${half} req/s: ${quiet.at(-1)} ms quiet, ${busy.at(-1)} ms beside ${funnels} funnels so far`,
      );
    }
    return [
      {
        name: `p99 at half load (${half} req/s), quiet`,
        value: median(quiet),
        unit: 'ms',
        spread: spread(quiet),
      },
      {
        name: 'p99 at half load, funnels back to back',
        value: median(busy),
        unit: 'ms',
        spread: spread(busy),
        goal: { below: 2 * median(quiet) + 0.001 },
      },
    ];
  } finally {
    await server.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

/** Folds every view again, in place, as `spyglass rebuild` does. */
export async function benchRebuild(folder: string, events: number): Promise<Row[]> {
  const { home, dataDir } = await copyOf(events, folder);
  const progress = await startProgress('rebuild', 'events');
  const start = performance.now();
  const folded = await rebuildStore(dataDir, progress.update);
  const rate = folded / ((performance.now() - start) / 1_000);
  progress.stop();
  rmSync(home, { recursive: true, force: true });
  return [{ name: 'rebuild of every view', value: rate, unit: 'events/s', goal: { atLeast: 1_000_000 } }];
}
