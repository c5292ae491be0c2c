/** Today's ClickHouse for tests: the engine in a child process, answering HTTP on loopback. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FRONT = fileURLToPath(new URL('./front.js', import.meta.url));

export interface Engine {
  /** `http://127.0.0.1:port`; a restart keeps the port. */
  readonly url: string;
  /** The name of its cluster, where it is one. */
  readonly cluster?: string;
  /** The processes it runs in now. */
  pids(): number[];
  close(): Promise<void>;
}

export interface Chdb extends Engine {
  /** SIGKILL; settles once the process is gone. The data stay for `restart`. */
  kill(): Promise<void>;
  restart(): Promise<void>;
}

/** Starts it on a folder of its own, which is gone after `close`. */
export async function startChdb(): Promise<Chdb> {
  const root = await mkdtemp(join(tmpdir(), 'spyglass-chdb-'));
  let front = await start(root, 0);
  const { port } = front;
  const end = async (signal: NodeJS.Signals) => {
    front.child.kill(signal);
    await front.exited;
  };
  return {
    url: `http://127.0.0.1:${port}`,
    pids: () => [front.child.pid ?? 0],
    kill: () => end('SIGKILL'),
    restart: async () => {
      front = await start(root, port);
    },
    close: async () => {
      await end('SIGTERM');
      await rm(root, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

async function start(
  root: string,
  wanted: number,
): Promise<{ child: ChildProcess; exited: Promise<void>; port: number }> {
  const child = spawn(process.execPath, [FRONT, join(root, 'data'), String(wanted)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.once('data', (line: Buffer) => resolve(Number(line.toString())));
    exited.then(() => reject(new Error(`ClickHouse in process did not start:\n${errors}`)));
  });
  return { child, exited, port };
}
