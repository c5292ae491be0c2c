/** Two real ClickHouse servers (Debian's 18.16) on loopback, a shard each, that tests may kill and start again. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from './chdb.js';
import { startProxy } from './proxy.js';

const CLUSTER = 'spyglass';
const SHARDS = 2;
const START_TRIES = 300;
const START_POLL_MS = 100;

export interface Cluster extends Engine {
  readonly cluster: string;
  /** One a shard, each fit to be a collector's `store.url`; `url` is the first. */
  readonly urls: readonly string[];
  /** SIGKILL of a shard's server; settles once it is gone. */
  kill(shard: number): Promise<void>;
  /** Starts it again on its data and ports, and waits until it answers. */
  restart(shard: number): Promise<void>;
  /** From now on these statements get no answer, as if the connection broke before they arrived. */
  lose(which: (sql: string) => boolean): void;
  /** A statement to one shard's own server, past the proxy, in the words of 18.16; its answer as text. */
  ask(shard: number, sql: string): Promise<string>;
}

interface Ports {
  http: number;
  tcp: number;
  interserver: number;
}

/** Starts both on a folder of their own, gone after `close`. */
export async function startCluster(): Promise<Cluster> {
  if (spawnSync('clickhouse-server', ['--help']).error !== undefined) {
    throw new Error('clickhouse-server is not installed: apt-get install clickhouse-server');
  }
  const root = await mkdtemp(join(tmpdir(), 'spyglass-cluster-'));
  const ports = await freePorts();
  const https = ports.map(({ http }) => `http://127.0.0.1:${http}`);
  await writeFile(join(root, 'users.xml'), USERS);
  let isLost = (_sql: string) => false;
  const servers = await Promise.all(ports.map((_, shard) => startServer(root, ports, shard)));
  const proxies = await Promise.all(
    https.map((own) => startProxy({ own, all: https, isLost: (sql) => isLost(sql) })),
  );
  const urls = proxies.map(({ url }) => url);
  const kill = async (shard: number) => {
    servers[shard]?.child.kill('SIGKILL');
    await servers[shard]?.exited;
  };
  return {
    url: urls[0] ?? '',
    urls,
    cluster: CLUSTER,
    pids: () => servers.map(({ child }) => child.pid ?? 0),
    kill,
    restart: async (shard) => {
      servers[shard] = await startServer(root, ports, shard);
    },
    lose: (which) => {
      isLost = which;
    },
    ask: async (shard, sql) => {
      const response = await fetch(https[shard] ?? '', { method: 'POST', body: sql });
      const text = await response.text();
      if (!response.ok) throw new Error(text);
      return text;
    },
    close: async () => {
      await Promise.all(proxies.map((proxy) => proxy.close()));
      await Promise.all(servers.map((_, shard) => kill(shard)));
      await rm(root, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

async function startServer(
  root: string,
  ports: readonly Ports[],
  shard: number,
): Promise<{ child: ChildProcess; exited: Promise<void> }> {
  const folder = join(root, String(shard));
  await mkdir(join(folder, 'data'), { recursive: true });
  const file = join(folder, 'config.xml');
  await writeFile(file, configOf(root, ports, shard));
  const child = spawn('clickhouse-server', [`--config-file=${file}`], { stdio: 'ignore' });
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  const exited = new Promise<void>((resolve) =>
    child.once('close', () => {
      process.off('exit', end);
      resolve();
    }),
  );
  for (let tries = 0; tries < START_TRIES; tries += 1) {
    const answer = await fetch(`http://127.0.0.1:${ports[shard]?.http}/ping`).catch(() => undefined);
    if (answer?.ok) return { child, exited };
    if (child.exitCode !== null) break;
    await sleep(START_POLL_MS);
  }
  child.kill('SIGKILL');
  throw new Error(
    `shard ${shard} did not start:\n${await readFile(join(folder, 'errors.log'), 'utf8').catch(() => '')}`,
  );
}

/** Ports that nothing listens on now, all different. */
async function freePorts(): Promise<Ports[]> {
  const probes = await Promise.all(
    Array.from({ length: SHARDS * 3 }, async () => {
      const probe = createServer();
      await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
      return probe;
    }),
  );
  const free = probes.map((probe) => {
    const address = probe.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(probes.map((probe) => new Promise((resolve) => probe.close(resolve))));
  return Array.from({ length: SHARDS }, (_, shard) => {
    const [http = 0, tcp = 0, interserver = 0] = free.slice(shard * 3);
    return { http, tcp, interserver };
  });
}

const USERS = `<yandex>
  <profiles><default><max_memory_usage>4000000000</max_memory_usage></default></profiles>
  <users><default>
    <password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>
  </default></users>
  <quotas><default></default></quotas>
</yandex>
`;

function configOf(root: string, ports: readonly Ports[], shard: number): string {
  const { http, tcp, interserver } = ports[shard] ?? { http: 0, tcp: 0, interserver: 0 };
  const folder = join(root, String(shard));
  const shards = ports.map(
    (each) =>
      `<shard><internal_replication>true</internal_replication><replica><host>127.0.0.1</host><port>${each.tcp}</port></replica></shard>`,
  );
  return `<yandex>
  <logger><level>warning</level><log>${folder}/server.log</log><errorlog>${folder}/errors.log</errorlog></logger>
  <listen_host>127.0.0.1</listen_host>
  <http_port>${http}</http_port><tcp_port>${tcp}</tcp_port><interserver_http_port>${interserver}</interserver_http_port>
  <path>${folder}/data/</path><tmp_path>${folder}/data/tmp/</tmp_path>
  <users_config>${root}/users.xml</users_config>
  <default_profile>default</default_profile><default_database>default</default_database>
  <mark_cache_size>67108864</mark_cache_size><keep_alive_timeout>30</keep_alive_timeout>
  <remote_servers><${CLUSTER}>${shards.join('')}</${CLUSTER}></remote_servers>
  <macros><shard>${shard}</shard><replica>1</replica></macros>
</yandex>
`;
}
