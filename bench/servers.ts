/** Starts, watches and stops the servers of the benchmark, each in its own process. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Config } from '../src/config/config.js';
import { APPS, KEY } from './data.js';

const MAIN = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
const CEILING = fileURLToPath(new URL('./ceiling.js', import.meta.url));
const REFERENCE = fileURLToPath(new URL('./reference.js', import.meta.url));
const ROOT = join(dirname(MAIN), '../../..');
const PROBE_MS = 5;
/** Log lines of the collector up to level info. */
const ROUTINE = /^\{"level":[123]0,/;
const START_MS_MAX = 120_000;

export interface Server {
  name: string;
  url: string;
  /** From the process's start to its first answer. */
  readyMs: number;
  pid: number;
  /** Anonymous resident memory, MB; leaves out the store's mapped pages, which the system can reclaim. */
  anonymousMb(): number;
  stop(): Promise<void>;
}

export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Starts `node` with the arguments that `args` returns for a port. */
async function start(name: string, args: (port: number) => string[]): Promise<Server> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const began = performance.now();
  const child = spawn(process.execPath, args(port), { stdio: ['ignore', 'ignore', 'pipe'] });
  createInterface(child.stderr).on('line', (line) => {
    if (!ROUTINE.test(line)) console.error(line);
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  // A server without the route answers 404 and is ready; a collector that is not ready answers 503.
  const isReady = () =>
    fetch(`${url}/readyz`).then(
      ({ status }) => status < 500,
      () => false,
    );
  while (!(await isReady())) {
    if (child.exitCode !== null || performance.now() - began > START_MS_MAX)
      throw new Error(`${name} did not start`);
    await sleep(PROBE_MS);
  }
  return {
    name,
    url,
    readyMs: performance.now() - began,
    pid: child.pid ?? 0,
    anonymousMb() {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      return Number(/RssAnon:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024;
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** The Node options in `npm start` of a source tree. */
export function startFlags(root: string): string[] {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  return scripts.start.split(' ').filter((word) => word.startsWith('--'));
}

export interface SpyglassOptions {
  dataDir: string;
  /** The folder to write the configuration to. */
  folder: string;
  name?: string;
  /** Node options besides those of `npm start`. */
  nodeArgs?: string[];
  /** Another build's `cli/main.js`, and the source tree of that build. */
  main?: string;
  root?: string;
  store?: Config['store'];
}

export const startSpyglass = (options: SpyglassOptions): Promise<Server> => {
  const { dataDir, folder, name = 'spyglass', nodeArgs = [], main = MAIN, root = ROOT, store } = options;
  return start(name, (port) => {
    const config = join(folder, `${name.replaceAll(/\W/g, '-')}.config.json`);
    const apps = Object.fromEntries(
      APPS.map((app, index) => [app, { key: index === 0 ? KEY : `${KEY}_${index}` }]),
    );
    writeFileSync(config, JSON.stringify({ listen: `127.0.0.1:${port}`, dataDir, apps, store }));
    return [...startFlags(root), ...nodeArgs, main, 'serve', '--config', config];
  });
};
export const startCeiling = (): Promise<Server> => start('ceiling', (port) => [CEILING, `${port}`]);
export const startReference = (path: string, synchronous: 'NORMAL' | 'FULL'): Promise<Server> =>
  start(`reference ${synchronous}`, (port) => [REFERENCE, `${port}`, path, synchronous]);
