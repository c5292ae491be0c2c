/** The data folder, and why it may not be usable; without LMDB, which the HTTP thread need not load. */
import { chmodSync, existsSync, lchownSync, lstatSync, mkdirSync, readdirSync, statSync } from 'node:fs';
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

/** Makes the folder if it is missing. Throws `StoreUnusable` where it is neither empty nor a store. */
export function prepareDataDir(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
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

/** Throws `StoreUnusable` where the folder holds no store, for commands that must not make one. */
export function assertStore(dataDir: string): void {
  try {
    statSync(join(dataDir, DATA_FILE));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES')
      throw new StoreUnusable(`there is no store in ${dataDir}`);
    throw new StoreUnusable(`the store in ${dataDir} is not for this user: run the command as its owner`);
  }
}

/**
 * Closes our own data folder to others, and what an older release left open in it: commands refuse to use a socket in an
 * open folder. What is in its folders is out of reach then.
 */
export function closeToOthers(dataDir: string): void {
  for (const name of ['.', ...readdirSync(dataDir)]) {
    const path = join(dataDir, name);
    try {
      const stats = lstatSync(path);
      if (stats.uid !== process.getuid?.() || stats.isSymbolicLink() || (stats.mode & 0o077) === 0) continue;
      chmodSync(path, stats.mode & 0o7700);
    } catch {
      // It is gone, or the file system has no modes. Commands will say what is wrong.
    }
  }
}

/** Gives a file of a superuser's command to the data folder's owner, so that the collector can use it. */
export function giveToOwner(path: string, dataDir: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(dataDir);
  try {
    if (uid !== 0) lchownSync(path, uid, gid);
  } catch {
    // Not every file system has owners to give to.
  }
}
