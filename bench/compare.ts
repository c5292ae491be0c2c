/** Compares base and head on the core rows, interleaved: `node dist/bench/compare.js TREE BUILT`, base's source tree and build. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { APP, arrivals, bodyParts, KEY } from './data.js';
import { contest, ratioRow } from './ingest.js';
import { median, type Row, spread, toTable, writeResults } from './report.js';
import { type Server, startSpyglass } from './servers.js';
import { openLoader } from './wrk.js';

const EVENTS = 200_000;
const SENDERS = 32;
const ROUNDS = 9;
/** Enough that the medians of one build against itself differ by a few percent, and code is compiled before. */
const RUNS = 301;
const WARM_UP = 100;
const READS = [
  '/v1/query/events',
  '/v1/query/events?user=user-7@example.com',
  '/v1/query/events?type=error&limit=500',
  '/v1/query/users',
  '/v1/query/sessions',
  '/v1/query/sessions?user=user-7@example.com',
  '/v1/query/aggregates',
  '/v1/query/names?prefix=action',
  '/v1/query/errors',
  '/v1/query/activity?user=user-7@example.com',
  '/v1/query/funnel?steps=action_1,action_2,action_3',
];

/** Fills a server with the data over HTTP, which every build has. */
async function fill({ url }: Server): Promise<void> {
  const bodies = arrivals(EVENTS);
  let serial = 0;
  const send = async (): Promise<void> => {
    for (const { app, events } of bodies) {
      const [head, tail] = bodyParts(events);
      // All senders share the generator.
      const body = `${head}compare-${serial++}${tail}`.replace(`"app":"${APP}","key":"${KEY}"`, keyed(app));
      const answer = await fetch(`${url}/v1/events`, { method: 'POST', body });
      if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, send));
}

const keyed = (app: string): string => `"app":"${app}","key":"${app === APP ? KEY : `${KEY}_1`}"`;

/** Reads about one row, whose ids are each server's own. */
async function readsOfOne({ url }: Server): Promise<string[]> {
  const read = async (path: string) => (await fetch(url + path)).json();
  const { events } = (await read('/v1/query/events?type=error&limit=1')) as { events: { id: number }[] };
  const { groups } = (await read('/v1/query/errors?limit=1')) as { groups: { group: string }[] };
  return [
    `/v1/incidents/${events[0]?.id}`,
    `/v1/query/occurrences?group=${encodeURIComponent(groups[0]?.group ?? '')}`,
  ];
}

/** Medians of both for one read, whose path each server has of its own. */
async function compareRead(name: string, paths: readonly string[], servers: readonly Server[]): Promise<Row> {
  const times = servers.map((): number[] => []);
  for (let run = -WARM_UP; run < RUNS; run++) {
    // The first one asked finds colder caches, so the two take turns.
    const order = [...servers.entries()];
    for (const [index, { url }] of run % 2 === 0 ? order : order.reverse()) {
      const start = performance.now();
      const answer = await fetch(url + paths[index]);
      if (!answer.ok) throw new Error(`${paths[index]}: ${answer.status}`);
      await answer.arrayBuffer();
      if (run >= 0) times[index]?.push(performance.now() - start);
    }
  }
  const [head = [], base = []] = times;
  return {
    name,
    value: median(head),
    unit: 'ms',
    spread: spread(head),
    peers: { base: median(base) },
    ratio: median(base) / median(head),
  };
}

const [, , root, built] = process.argv;
if (root === undefined || built === undefined)
  throw new Error('usage: compare.js TREE BUILT, the source tree and the build of the base');
const main = join(built, 'src/cli/main.js');
const say = (line: string): void => console.error(line);
const folder = mkdtempSync(join(tmpdir(), 'spyglass-compare-'));
const servers: Server[] = [];
try {
  servers.push(await startSpyglass({ name: 'head', dataDir: join(folder, 'head'), folder }));
  servers.push(await startSpyglass({ name: 'base', dataDir: join(folder, 'base'), folder, main, root }));
  for (const server of servers) {
    say(`filling ${server.name} …`);
    await fill(server);
  }
  const rows: Row[] = [];
  for (const path of READS) rows.push(await compareRead(path, [path, path], servers));
  const [ofHead = [], ofBase = []] = await Promise.all(servers.map(readsOfOne));
  for (const [index, name] of ['an incident', 'occurrences of an error'].entries())
    rows.push(await compareRead(name, [ofHead[index] ?? '', ofBase[index] ?? ''], servers));
  const loader = await openLoader(folder, { connections: 32, eventsABody: 20 });
  rows.push(ratioRow(await contest(servers, loader, say, ROUNDS), 'ingest, head ÷ base', ['head', 'base']));
  console.log(toTable(rows));
  writeResults('bench/results/compare.json', { events: EVENTS }, rows);
} finally {
  for (const server of servers) await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
