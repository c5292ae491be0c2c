/** Loads a server with many different bodies: with wrk where it is installed, else with autocannon. */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bodyEvents, bodyParts, randomFrom } from './data.js';
import { cannon } from './peers.js';

const run = promisify(execFile);
const BODIES = 2_000;

export interface Load {
  requestsPerS: number;
  p99Ms: number;
  /** Answers that were not 2xx, and socket errors. */
  failures: number;
}

export interface LoadShape {
  connections: number;
  eventsABody: number;
}

export interface Loader {
  name: 'wrk' | 'autocannon';
  load(url: string, seconds: number): Promise<Load>;
  /** The same at a fixed rate of requests. */
  pace(url: string, seconds: number, requestsPerS: number): Promise<Load>;
}

const WRK_SCRIPT = `
local heads, tails, n = {}, {}, 0
local serial, run = 0, os.time() .. "-" .. math.random(1, 1e9)
function setup(thread) end
function init(args)
  for line in io.lines(args[1]) do
    local head, tail = line:match("^(.-)\\t(.*)$")
    n = n + 1; heads[n] = head; tails[n] = tail
  end
end
function request()
  serial = serial + 1
  local i = serial % n + 1
  return wrk.format("POST", "/v1/events", { ["Content-Type"] = "application/json" },
    heads[i] .. run .. "-" .. serial .. tails[i])
end
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT %f %f %d\\n", summary.requests / summary.duration * 1e6,
    latency:percentile(99) / 1000, errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
`;

/** Writes the bodies to `folder` and chooses a load generator. */
export async function openLoader(folder: string, { connections, eventsABody }: LoadShape): Promise<Loader> {
  const bodies = join(folder, `bodies-${eventsABody}.tsv`);
  const random = randomFrom(7);
  const shape = { users: 50_000, end: Date.now(), days: 1 / 1440, bodies: BODIES };
  const parts = Array.from({ length: BODIES }, (_, serial) =>
    bodyParts(bodyEvents(random, shape, serial, eventsABody)),
  );
  writeFileSync(bodies, parts.map((part) => part.join('\t')).join('\n'));
  const script = join(folder, 'load.lua');
  writeFileSync(script, WRK_SCRIPT);
  const hasWrk = await run('wrk', ['--version']).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
  const paced = autocannon(bodies, connections);
  return {
    name: hasWrk ? 'wrk' : 'autocannon',
    load: hasWrk ? wrk(script, bodies, connections) : paced,
    pace: paced,
  };
}

const wrk =
  (script: string, bodies: string, connections: number): Loader['load'] =>
  async (url, seconds) => {
    const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, url, '--', bodies];
    const { stdout } = await run('wrk', args);
    const [, requestsPerS, p99Ms, failures] = /RESULT (\S+) (\S+) (\S+)/.exec(stdout) ?? [];
    return { requestsPerS: Number(requestsPerS), p99Ms: Number(p99Ms), failures: Number(failures) };
  };

const autocannon = (
  bodies: string,
  connections: number,
): ((url: string, seconds: number, requestsPerS?: number) => Promise<Load>) => {
  const parts = readFileSync(bodies, 'utf8')
    .split('\n')
    .map((line) => line.split('\t'));
  let serial = 0;
  return async (url, seconds, requestsPerS?: number) => {
    const result = await cannon({
      url: `${url}/v1/events`,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      connections,
      duration: seconds,
      ...(requestsPerS ? { overallRate: requestsPerS } : {}),
      setupClient(client) {
        const next = (): void => {
          serial++;
          const [head, tail] = parts[serial % parts.length] ?? [];
          client.setBody(`${head}${process.pid}-${Date.now()}-${serial}${tail}`);
        };
        next();
        client.on('response', next);
      },
    });
    return {
      requestsPerS: result.requests.average,
      p99Ms: result.latency.p99,
      failures: result.non2xx + result.errors,
    };
  };
};
