/** The client's end of the writer lock's socket: finds who listens in a data folder, and checks the owner. */
import { lstatSync, readdirSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { StoreUnusable, WRITER_SOCKET } from './data-dir.js';
import { answers, socketFolder } from './writer-lock.js';

/**
 * The sockets of whoever holds the lock of a folder, or is about to: paths that are good until `close`.
 * Throws `StoreUnusable` where the folder or a socket is open to others, or neither ours nor the superuser's:
 * a stranger must not learn whom to erase.
 */
export async function findSockets(dataDir: string) {
  const { path: folder, close } = socketFolder(dataDir);
  try {
    const owner = statSync(folder);
    const paths: string[] = [];
    for (const name of readdirSync(folder).filter((one) => WRITER_SOCKET.test(one))) {
      const path = join(folder, name);
      if (!(await answers(path))) continue;
      const socket = lstatSync(path, { throwIfNoEntry: false });
      if (socket === undefined) continue;
      assertOwn(dataDir, owner, owner.uid);
      assertOwn(join(dataDir, name), socket, owner.uid);
      paths.push(path);
    }
    return { paths, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** The superuser's commands trust whoever the data folder belongs to. */
function assertOwn(path: string, { uid, mode }: Stats, folderUid: number): void {
  const own = process.getuid?.();
  if (own === undefined) return;
  if (![0, own === 0 ? folderUid : own].includes(uid))
    throw new StoreUnusable(
      `${path} belongs to user ${uid}, and not to this one: run the command as that user`,
    );
  if ((mode & 0o077) !== 0)
    throw new StoreUnusable(
      `${path} is open to others than its owner (mode ${(mode & 0o777).toString(8)}): restart the collector, or set it right by chmod`,
    );
}
