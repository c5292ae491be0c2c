/**
 * The one-writer lock: a listening unix socket in the data folder, which the system releases with the process.
 *
 * A lock file would outlive a crash and a process id can be taken again; a socket nobody listens on refuses connections.
 */
import { closeSync, openSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LOCK_FILE, StoreUnusable } from './env.js';

/** Longer paths do not fit a socket address. */
const SOCKET_PATH_BYTES_MAX = 100;
const RETRY_MS = 100;
/** A collector that is going down, or was killed a moment ago, gets this long to let go. */
const WAIT_MS = 5_000;

export interface WriterLock {
  release(): Promise<void>;
}

/** Takes the lock of an existing folder, waiting up to `waitMs` for another process; throws `StoreUnusable`. */
export async function acquireWriterLock(dataDir: string, waitMs = WAIT_MS): Promise<WriterLock> {
  const { path, close } = socketPath(dataDir);
  const end = Date.now() + waitMs;
  try {
    for (;;) {
      const server = await listen(path);
      if (server) return { release: () => release(server, path, close) };
      if (!(await isHeld(path))) rmSync(path, { force: true });
      else if (Date.now() >= end) throw new StoreUnusable(`another spyglass is running on ${dataDir}`);
      else await sleep(RETRY_MS);
    }
  } catch (error) {
    close();
    if (error instanceof StoreUnusable) throw error;
    throw new StoreUnusable(`cannot lock ${dataDir}: ${(error as Error).message}`);
  }
}

/** A path short enough for a socket address: by way of an open folder where the folder's own is too long. */
function socketPath(dataDir: string): { path: string; close: () => void } {
  const path = join(dataDir, LOCK_FILE);
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return { path, close: () => {} };
  const folder = openSync(dataDir, 'r');
  return { path: `/proc/self/fd/${folder}/${LOCK_FILE}`, close: () => closeSync(folder) };
}

function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(path, () => {
      server.unref();
      resolve(server);
    });
  });
}

function isHeld(path: string): Promise<boolean> {
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

async function release(server: Server, path: string, close: () => void): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
  rmSync(path, { force: true });
  close();
}
