/**
 * Backs up a store that nobody writes to meanwhile; of a live store its collector makes a copy first
 * (`live-copy.ts`). The new folder gets its name last: a backup that was cut off does not exist.
 */
import { constants, existsSync, readdirSync } from 'node:fs';
import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { DATA_FILE, StoreUnusable } from '../../log/file/data-dir.js';
import { chunkFilesIn, chunkPath, missingFiles, removeOrphans } from '../../replay/files.js';
import { openManifest } from '../../replay/manifest.js';
import type { OnProgress } from '../port.js';
import { syncPath } from './erasures.js';
import { withStore } from './with-store.js';
import { WORK_FOLDER } from './work-folder.js';

/** Hidden folders, which `rm -rf DIR/*` leaves behind. */
const LEFT_BEHIND = ['.openings', WORK_FOLDER];

export interface BackupReport {
  events: number;
  head: number;
  chunks: number;
}

/** Throws `StoreUnusable` where a backup of the store in `dataDir` cannot become the folder `target`. */
export function assertTarget(dataDir: string, target: string): void {
  const inside = relative(resolve(dataDir), resolve(target));
  if (inside === '' || (inside !== '..' && !inside.startsWith(`..${sep}`))) {
    throw new StoreUnusable(`${target} lies in the data folder itself: back up to another place`);
  }
  if (existsSync(target) && readdirSync(target).some((name) => !LEFT_BEHIND.includes(name)))
    throw new StoreUnusable(`${target} is not empty: a backup makes a new folder`);
}

/** Backs the store in `source` up as the new folder `target`. Throws `StoreUnusable` and disk errors. */
export async function backupStore(
  source: string,
  target: string,
  onProgress: OnProgress,
): Promise<BackupReport> {
  const partial = join(dirname(target), `.${basename(target)}.partial-${process.pid}`);
  await rm(partial, { recursive: true, force: true });
  try {
    await mkdir(partial, { recursive: true });
    await copyChunks(source, partial, cloneFile, onProgress);
    await withStore(source, 'read', (env) => env.copyTo(join(partial, DATA_FILE)));
    const report = await reconcileCopy(partial);
    syncTree(partial);
    for (const name of LEFT_BEHIND) await rm(join(target, name), { recursive: true, force: true });
    await rename(partial, target);
    syncPath(dirname(target));
    return report;
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

/** Copies a file; on a file system that shares blocks, without copying its bytes. */
export const cloneFile = (from: string, to: string): Promise<void> =>
  copyFile(from, to, constants.COPYFILE_FICLONE);

/** Copies the chunk files that the target lacks; one that vanishes meanwhile was replaced or has expired. */
export async function copyChunks(
  source: string,
  target: string,
  copy: (from: string, to: string) => Promise<void>,
  onProgress: OnProgress,
): Promise<void> {
  let total = 0;
  for (const _ of chunkFilesIn(source)) total++;
  let done = 0;
  for (const fileId of chunkFilesIn(source)) {
    onProgress({ done: Math.min(++done, total), total });
    const path = chunkPath(target, fileId);
    if (existsSync(path)) continue;
    await mkdir(dirname(path), { recursive: true });
    try {
      await copy(chunkPath(source, fileId), path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

/** Makes files and manifest of the copy agree. */
async function reconcileCopy(partial: string): Promise<BackupReport> {
  const report = await withStore(partial, 'read', (env, log) => {
    const manifest = openManifest(env);
    for (const _ of missingFiles(partial, manifest))
      throw new StoreUnusable('replay chunks have lost their files: run `spyglass verify`');
    removeOrphans(partial, manifest);
    let events = 0;
    for (const { value } of log.tables.offsets.range({})) events += value.readUInt16BE(6);
    return { events, head: log.head(), chunks: manifest.totals().chunks };
  });
  await rm(join(partial, `${DATA_FILE}-lock`), { force: true });
  return report;
}

function syncTree(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) syncTree(child);
    else syncPath(child);
  }
  syncPath(path);
}
