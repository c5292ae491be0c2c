/** The folder a store lives in, and why it may not be usable; apart from LMDB, which the thread that serves HTTP need not load. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export const DATA_FILE = 'spyglass.mdb';
/** Names of the sockets that keep a second writer out. */
export const WRITER_SOCKET = /^writer(-[0-9a-f]+)?\.sock$/;

/** The store cannot be opened as it is; the message is one line for the operator. */
export class StoreUnusable extends Error {
  override name = 'StoreUnusable';
}

/** Another process writes to the folder. */
export class StoreInUse extends StoreUnusable {}

export const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Makes the folder, or finds it empty or a store; throws `StoreUnusable` for anything else, with nothing touched. */
export function prepareDataDir(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true });
    if (existsSync(join(dataDir, DATA_FILE))) return;
    const others = readdirSync(dataDir).filter(
      (name) => !name.startsWith('.') && name !== 'lost+found' && !WRITER_SOCKET.test(name),
    );
    if (others.length > 0) {
      throw new StoreUnusable(
        `${dataDir} is not a spyglass data folder: it holds ${others[0]} but no ${DATA_FILE}`,
      );
    }
  } catch (error) {
    if (error instanceof StoreUnusable) throw error;
    throw new StoreUnusable(`cannot write to ${dataDir}: ${reason(error)}`);
  }
}
