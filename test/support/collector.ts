/** Collectors for tests: one inside this process, and one as a child process that can be killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pino } from 'pino';
import { startCollector as startInProcess } from '../../src/cli/collector.js';
import type { AppConfig, Config } from '../../src/config/config.js';
import { BODY_BYTES_DEFAULT, CHUNK_BYTES_DEFAULT } from '../../src/domain/limits.js';
import type { Store } from '../../src/store/port.js';
import { MAIN, NODE_FLAGS, START_ENV } from './command.js';
import { storeFor, TUNING } from './engine.js';

export { runSpyglass } from './command.js';

/** The app and key of every test collector whose `apps` a test leaves alone. */
export const APP = 'inventory';
export const KEY = 'sg_live_test_key_inventory';

export interface ConfigOverrides {
  listen?: Partial<Config['listen']>;
  /** A folder the test looks after itself; without it, one under the temporary folder, gone after `close`. */
  dataDir?: string;
  apps?: Record<string, AppConfig>;
  trusted_proxies?: string[];
  retention?: Partial<Config['retention']>;
  auth?: Partial<Config['auth']>;
  limits?: Partial<Config['limits']>;
  disk?: Partial<Config['disk']>;
  store?: Config['store'];
  /** Environment variables of a child, besides this process's own. */
  env?: NodeJS.ProcessEnv;
}

interface Handle {
  /** `http://127.0.0.1:port`; a restart keeps the port. */
  readonly url: string;
  readonly config: Config;
  readonly dataDir: string;
  /** What it wrote so far, a line each: pino's JSON lines, and a child's standard output. */
  readonly lines: readonly string[];
  /** Posts events under `APP` and `KEY`; `envelope` adds to the body or replaces parts of it. */
  send(events: readonly object[], envelope?: object): Promise<Response>;
  /** `fetch` of a path of this collector. */
  get(path: string, init?: RequestInit): Promise<Response>;
  /** Stops it in order and removes its temporary folder. */
  close(): Promise<void>;
  /** Stops it in order (starts it again only, when it is down already) on the same data, configuration and port. */
  restart(): Promise<void>;
}

export interface TestCollector extends Handle {
  /** The open store under the server; another one after each `restart`. */
  readonly store: Store;
}

export interface ChildCollector extends Handle {
  readonly configFile: string;
  readonly pid: number;
  /** SIGKILL; settles once the process is gone. The data stay for `restart`. */
  kill(): Promise<void>;
  /** Sends a signal and waits for the end; settles with the exit code, or null where a signal ended it. */
  stop(signal: NodeJS.Signals): Promise<number | null>;
  /** Settles with the exit code when the process that runs now ends by itself. */
  readonly exited: Promise<number | null>;
}

/** Starts a collector in this process on a free loopback port: quick, with its store at hand. */
export async function startCollector(overrides: ConfigOverrides = {}): Promise<TestCollector> {
  const { config, root } = await prepare(overrides);
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => lines.push(line.trimEnd()) });
  let running = await startInProcess(config, log, undefined, TUNING);
  config.listen.port = running.port;
  return {
    get url() {
      return running.url;
    },
    get store() {
      return running.store;
    },
    config,
    dataDir: config.dataDir,
    lines,
    send: (events, envelope) => send(running.url, events, envelope),
    get: (path, init) => fetch(running.url + path, init),
    close: async () => {
      await running.close();
      await discard(root);
    },
    restart: async () => {
      await running.close();
      running = await startInProcess(config, log, undefined, TUNING);
    },
  };
}

/** Starts `spyglass serve` as a child process on a free loopback port, and waits until it is ready. */
export async function spawnCollector(overrides: ConfigOverrides = {}): Promise<ChildCollector> {
  const { config, root } = await prepare(overrides);
  const configFile = join(root.dir, 'spyglass.config.json');
  const lines: string[] = [];
  await writeConfig(configFile, config);
  const env = { ...process.env, ...overrides.env };
  let child = await serve(configFile, lines, env);
  config.listen.port = Number(new URL(child.url).port);
  await writeConfig(configFile, config);

  const stop = async (signal: NodeJS.Signals) => {
    child.process.kill(signal);
    return child.exited;
  };
  return {
    get url() {
      return child.url;
    },
    get pid() {
      return child.process.pid ?? 0;
    },
    get exited() {
      return child.exited;
    },
    config,
    configFile,
    dataDir: config.dataDir,
    lines,
    send: (events, envelope) => send(child.url, events, envelope),
    get: (path, init) => fetch(child.url + path, init),
    stop,
    kill: async () => {
      await stop('SIGKILL');
    },
    close: async () => {
      await stop('SIGTERM');
      await discard(root);
    },
    restart: async () => {
      await stop('SIGTERM');
      child = await serve(configFile, lines, env);
    },
  };
}

/** Writes a configuration as its file has it. */
export async function writeConfig(file: string, config: Config): Promise<void> {
  const { host, port } = config.listen;
  const listen = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  await writeFile(file, `${JSON.stringify({ ...config, listen }, null, 2)}\n`);
}

interface Root {
  dir: string;
}

type OwnConfig = Config & { listen: { host: string; port: number } };

async function prepare(overrides: ConfigOverrides): Promise<{ config: OwnConfig; root: Root }> {
  const root = { dir: await mkdtemp(join(tmpdir(), 'spyglass-test-')) };
  const dataDir = overrides.dataDir ?? join(root.dir, 'data');
  await mkdir(dataDir, { recursive: true });
  const config = {
    listen: { host: '127.0.0.1', port: 0, ...overrides.listen },
    dataDir,
    apps: overrides.apps ?? { [APP]: { key: KEY, origins: [] } },
    ...(overrides.trusted_proxies && { trusted_proxies: overrides.trusted_proxies }),
    retention: { replays_days: 0, events_days: 0, ...overrides.retention },
    auth: { open: false, ...overrides.auth },
    // Room enough, whatever the machine has.
    disk: { replay_bytes_per_hour: 0, replay_free_bytes: 0, events_free_bytes: 0, ...overrides.disk },
    store: overrides.store ?? storeFor(dataDir),
    limits: {
      body_bytes: BODY_BYTES_DEFAULT,
      chunk_bytes: CHUNK_BYTES_DEFAULT,
      events_per_minute: 0,
      ...overrides.limits,
    },
    log: {},
  };
  return { config, root };
}

async function discard(root: Root): Promise<void> {
  await rm(root.dir, { recursive: true, force: true, maxRetries: 3 });
}

function send(url: string, events: readonly object[], envelope: object = {}): Promise<Response> {
  return fetch(`${url}/v1/events`, {
    method: 'POST',
    body: JSON.stringify({ app: APP, key: KEY, events, ...envelope }),
  });
}

interface Served {
  process: ChildProcess;
  url: string;
  exited: Promise<number | null>;
}

/** Starts the command and settles once it says where it answers; rejects, with what it wrote, if it ends before. */
async function serve(configFile: string, lines: string[], env: NodeJS.ProcessEnv): Promise<Served> {
  const args = [...NODE_FLAGS, MAIN, 'serve', '--config', configFile, '--log-level', 'debug'];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...START_ENV, ...env },
  });
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  const url = await new Promise<string>((resolve, reject) => {
    const from = lines.length;
    createInterface(child.stderr).on('line', (line) => lines.push(line));
    createInterface(child.stdout).on('line', (line) => {
      lines.push(line);
      const found = /http:\/\/\S+:\d+/.exec(line);
      if (found) resolve(found[0]);
    });
    exited.then((code) =>
      reject(
        new Error(`the collector ended with ${code} before it was ready:\n${lines.slice(from).join('\n')}`),
      ),
    );
  });
  return { process: child, url, exited };
}
