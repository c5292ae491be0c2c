/** Loads a server with many different bodies: wrk where there is one, else autocannon from `bench/node_modules`. */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bodyEvents, bodyParts, randomFrom } from './data.js';

const run = promisify(execFile);
const BODIES = 2_000;

export interface Load {
  requestsPerS: number;
  p99Ms: number;
  /** Answers that were not 2xx, and socket errors. */
  failures: number;
}

export interface Loader {
  name: 'wrk' | 'autocannon';
  load(url: string, seconds: number): Promise<Load>;
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

/** Prepares bodies of about 4 KB in \`folder\` and finds a load generator. */
export async function openLoader(folder: string, connections: number): Promise<Loader> {
  const bodies = join(folder, 'bodies.tsv');
  const random = randomFrom(7);
  const shape = { users: 50_000, end: Date.now(), days: 1 / 1440, bodies: BODIES };
  const parts = Array.from({ length: BODIES }, (_, serial) => bodyParts(bodyEvents(random, shape, serial)));
  writeFileSync(bodies, parts.map((part) => part.join('\t')).join('\n'));
  const script = join(folder, 'load.lua');
  writeFileSync(script, WRK_SCRIPT);
  const hasWrk = await run('wrk', ['--version']).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
  return hasWrk
    ? { name: 'wrk', load: wrk(script, bodies, connections) }
    : { name: 'autocannon', load: autocannon(bodies, connections) };
}

const wrk =
  (script: string, bodies: string, connections: number): Loader['load'] =>
  async (url, seconds) => {
    const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, url, '--', bodies];
    const { stdout } = await run('wrk', args);
    const [, requestsPerS, p99Ms, failures] = /RESULT (\S+) (\S+) (\S+)/.exec(stdout) ?? [];
    return { requestsPerS: Number(requestsPerS), p99Ms: Number(p99Ms), failures: Number(failures) };
  };

const autocannon = (bodies: string, connections: number): Loader['load'] => {
  const parts = readFileSync(bodies, 'utf8')
    .split('\n')
    .map((line) => line.split('\t'));
  let serial = 0;
  return async (url, seconds) => {
    const { default: fire } = await import('autocannon');
    const result = await fire({
      url: `${url}/v1/events`,
      method: 'POST',
      connections,
      duration: seconds,
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
