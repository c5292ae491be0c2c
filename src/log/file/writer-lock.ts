/**
 * The one-writer lock: a listening unix socket in the data folder, which the system releases with the
 * process. A lock file would outlive a crash, and a process id can be taken again. Commands use it for HTTP.
 *
 * Each process has a socket of its own, so that removing a dead one never hits a living one. Its life:
 * 1. hidden: bound under a name nobody looks for, until it listens, since it would look dead up to then;
 * 2. raised: renamed to a name everybody looks for; only then its owner looks for others;
 * 3. holding, when no other was alive. Of two raised at once at least one sees the other and lowers its own;
 * 4. gone: removed by its owner, or found dead and removed by the next process.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, closeSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PROBLEMS, problemJson } from '../../domain/problems.js';
import { giveToOwner, StoreInUse, StoreUnusable, WRITER_SOCKET } from './data-dir.js';
import { olderReleaseOpens } from './older-release.js';

/** Longer paths do not fit a socket address. */
const SOCKET_PATH_BYTES_MAX = 100;
const HIDDEN_SOCKET = /^\.writer-[0-9a-f]+\.sock$/;
const ID_BYTES = 6;
/** Random, so that two processes that collided do not retry in step. */
const RETRY_MS = 50;
const RETRY_SPREAD_MS = 50;
/** How long to wait for a collector that is stopping or was just killed. */
export const LOCK_WAIT_MS = 5_000;

export interface WriterLock {
  /** Answers requests on the socket from here on; until then each is a 503. */
  serve(handler: RequestListener): void;
  /** Releases the lock and cuts off requests under way. */
  release(): Promise<void>;
}

/** Takes the lock of an existing folder, waiting up to `waitMs` for another; throws `StoreUnusable`. */
export async function acquireWriterLock(dataDir: string, waitMs = LOCK_WAIT_MS): Promise<WriterLock> {
  const folder = socketFolder(dataDir);
  const end = performance.now() + waitMs;
  try {
    for (;;) {
      const opening = olderReleaseOpens(dataDir);
      const isOurs = opening === undefined && (await isFree(folder.path));
      const own = isOurs ? await raise(folder.path) : undefined;
      if (own !== undefined) {
        if (await isFree(folder.path, own.name)) {
          return { serve: own.serve, release: () => own.lower().finally(folder.close) };
        }
        await own.lower();
      }
      if (performance.now() >= end)
        throw new StoreInUse(opening ?? `another spyglass is running on ${dataDir}`);
      await retryPause();
    }
  } catch (error) {
    folder.close();
    if (error instanceof StoreUnusable) throw error;
    throw new StoreUnusable(`cannot lock ${dataDir}: ${(error as Error).message}`, { cause: error });
  }
}

export const retryPause = (): Promise<void> => sleep(RETRY_MS + Math.random() * RETRY_SPREAD_MS);

/** The folder by a path short enough for a socket address: through an open descriptor if need be. */
export function socketFolder(dataDir: string): { path: string; close: () => void } {
  const longest = join(dataDir, `.writer-${'0'.repeat(2 * ID_BYTES)}.sock`);
  if (Buffer.byteLength(longest) <= SOCKET_PATH_BYTES_MAX) return { path: dataDir, close: () => {} };
  const descriptor = openSync(dataDir, 'r');
  return { path: `/proc/self/fd/${descriptor}`, close: () => closeSync(descriptor) };
}

/** Whether no raised socket but `own` is alive; removes those that are not. */
async function isFree(folder: string, own?: string): Promise<boolean> {
  const names = readdirSync(folder).filter((name) => name !== own);
  const isAlive = await Promise.all(
    names
      .filter((name) => WRITER_SOCKET.test(name) || HIDDEN_SOCKET.test(name))
      .map(async (name) => {
        const path = join(folder, name);
        if (await answers(path)) return WRITER_SOCKET.test(name);
        rmSync(path, { force: true });
        return false;
      }),
  );
  return !isAlive.includes(true);
}

/** Our own socket, listening and raised; undefined when another process removed it before it listened. */
async function raise(folder: string) {
  const name = `writer-${randomBytes(ID_BYTES).toString('hex')}.sock`;
  const path = join(folder, name);
  const hidden = join(folder, `.${name}`);
  let answer: RequestListener = refuse;
  const server = await listen(hidden, (request, response) => answer(request, response));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  try {
    chmodSync(hidden, 0o600);
    giveToOwner(hidden, folder);
    renameSync(hidden, path);
  } catch (error) {
    await close();
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return {
    name,
    serve(handler: RequestListener): void {
      answer = handler;
    },
    async lower() {
      rmSync(path, { force: true });
      await close();
    },
  };
}

const refuse: RequestListener = (_request, response) => {
  const { status } = PROBLEMS.not_accepting;
  const detail =
    'Whoever has the store takes no commands: it is one itself, or a collector that is starting.';
  response
    .writeHead(status, { 'content-type': 'application/problem+json' })
    .end(problemJson({ code: 'not_accepting', detail }));
};

function listen(path: string, handler: RequestListener): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(handler);
    server.once('error', reject);
    server.listen(path, () => {
      server.unref();
      resolve(server);
    });
  });
}

/** Whether anybody listens; true where that is unknown. */
export function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    );
  });
}
