/**
 * More than a collector can take, while readers stall: it says no in good order, its memory stays bounded, what it accepts it
 * accepts in time and keeps, and once the rush is over it is as before. `SPYGLASS_OVERLOAD_SECONDS=60` for a longer rush.
 */
import { readFileSync } from 'node:fs';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { QUEUE_BYTES_MAX } from '../../src/domain/limits.js';
import { spawnCollector } from '../support/collector.js';
import { apps, ask, event, get, keyOf } from '../support/http.js';

const RUSH_MS = 1_000 * Number(process.env.SPYGLASS_OVERLOAD_SECONDS ?? 20);
/** More at once than the queue has room for, by a factor of two: each client sends its next as soon as it has an answer. */
const BODY_BYTES = 200_000;
const CLIENTS = 2 * Math.ceil(QUEUE_BYTES_MAX / BODY_BYTES);
/** So few that nothing is refused. */
const CALM_CLIENTS = Math.floor(CLIENTS / 8);
/** The queue, the groups that wait for the writer, bodies on their way, and a process. */
const MEMORY_BYTES_MAX = 900 * 1_048_576;
const SLOWER_MAX = 20;

t.setTimeout(600_000);
const c = await spawnCollector({ apps: apps('inventory') });
t.teardown(() => c.close());

interface Outcome {
  status: number;
  ms: number;
  headers: IncomingHttpHeaders;
}
const { hostname, port } = new URL(c.url);
const filler = 'x'.repeat(BODY_BYTES);
let sent = 0;

/** One batch, on a connection that stays open; 0 where the connection broke. */
function post(agent: Agent): Promise<Outcome> {
  const n = sent++;
  const start = performance.now();
  const events = [
    event({ user_id: `u${n % 50}`, session_id: `s${n % 500}`, name: `n${n % 20}`, props: { filler } }),
  ];
  const body = JSON.stringify({ app: 'inventory', key: keyOf('inventory'), events });
  return new Promise((resolve) => {
    const done = (status: number, headers: IncomingHttpHeaders = {}) =>
      resolve({ status, ms: performance.now() - start, headers });
    request({ hostname, port, agent, method: 'POST', path: '/v1/events' })
      .on('response', (response) => {
        response.resume().on('end', () => done(response.statusCode ?? 0, response.headers));
      })
      .on('error', () => done(0))
      .end(body);
  });
}

async function rush(clients: number, forMs: number): Promise<Outcome[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const end = performance.now() + forMs;
  const outcomes: Outcome[] = [];
  const client = async () => {
    while (performance.now() < end) outcomes.push(await post(agent));
  };
  await Promise.all(Array.from({ length: clients }, client));
  agent.destroy();
  return outcomes;
}

/** Takes nothing of what it asked for. */
function stall(path: string) {
  const socket = connect(Number(port), hostname).on('error', () => {});
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  return socket;
}

const anonymousBytes = () =>
  1_024 * Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${c.pid}/status`, 'utf8'))?.[1] ?? 0);
const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const acceptedOf = (outcomes: readonly Outcome[]) => outcomes.filter(({ status }) => status === 204);
const accepted = { count: 0 };

t.test('twice what the queue holds, for a while', async (t) => {
  const calm = await rush(CALM_CLIENTS, RUSH_MS / 4);
  t.same(new Set(calm.map(({ status }) => status)), new Set([204]), 'in calm all is taken');

  const stalled = Array.from({ length: 20 }, (_, n) =>
    stall(n % 2 ? '/v1/query/events?limit=500' : '/v1/stream?after=0'),
  );
  let memory = 0;
  const [probes, reads]: [number[], number[]] = [[], []];
  let over = false;
  const watching = (async () => {
    while (!over) {
      if (process.platform === 'linux') memory = Math.max(memory, anonymousBytes());
      for (const path of ['/healthz', '/readyz']) probes.push((await ask(c.url, path)).status);
      reads.push((await ask(c.url, '/v1/query/users?limit=5')).status);
      await sleep(200);
    }
  })();
  const outcomes = await rush(CLIENTS, RUSH_MS);
  // The very next one.
  const [next] = await Promise.all([post(new Agent())]);
  over = true;
  await watching;
  for (const socket of stalled) socket.destroy();

  const refused = outcomes.filter(({ status }) => status !== 204);
  const taken = acceptedOf(outcomes);
  t.equal(next?.status, 204, 'it recovers at once');
  t.ok(refused.length > CLIENTS / 8, `${refused.length} were refused`);
  t.ok(taken.length > CLIENTS / 4, `${taken.length} were taken`);
  t.same(new Set(refused.map(({ status }) => status)), new Set([503]), 'in good order');
  t.ok(
    refused.every(({ headers }) => Number(headers['retry-after']) > 0),
    'with a time to come again',
  );
  t.ok(memory < MEMORY_BYTES_MAX, `${Math.round(memory / 1_048_576)} MiB`);
  t.same(new Set(probes), new Set([200]), 'it is alive and ready throughout');
  // A read waits for all that was acknowledged before it, some seconds' worth here, and gives up after five.
  t.ok(reads.includes(200) && reads.every((status) => status === 200 || status === 503), `reads: ${reads}`);
  const [inCalm, inRush] = [median(acceptedOf(calm).map(({ ms }) => ms)), median(taken.map(({ ms }) => ms))];
  t.ok(inRush < inCalm * SLOWER_MAX, `${Math.round(inRush)} ms, ${Math.round(inCalm)} ms in calm`);
  t.comment(
    `${taken.length} taken in ${Math.round(inRush)} ms (calm: ${Math.round(inCalm)}), ${refused.length} refused, ` +
      `at most ${Math.round(memory / 1_048_576)} MiB`,
  );
  accepted.count = acceptedOf(calm).length + taken.length + 1;
});

t.test('what was taken is there, what was refused is not', async (t) => {
  const { head } = await get<{ head: number }>(c.url, '/v1/query/events?limit=1');
  t.equal(head, accepted.count);
  t.same(
    c.lines.filter((line) => /"level":(50|60)/.test(line)),
    [],
    'and nothing failed',
  );
});
