/**
 * A copy of a store that nobody writes to meanwhile; of a live one its collector makes a copy first (`live-copy.ts`).
 *
 * 1. the chunk files and the data file are copied; 2. files the copied manifest does not name go, everything is synced, and
 * the folder gets its name. Cut off before that, the backup does not exist.
 */
import { constants, existsSync, readdirSync } from 'node:fs';
import { copyFile, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { openLog } from '../../log/batches/log.js';
import { DATA_FILE, StoreUnusable } from '../../log/file/data-dir.js';
import { openEnv } from '../../log/file/env.js';
import { OPENINGS } from '../../log/file/older-release.js';
import { chunkFilesIn, chunkPath, missingFiles, removeOrphans } from '../../replay/files.js';
import { openManifest } from '../../replay/manifest.js';
import type { Progress } from '../port.js';
import { WORK_FOLDER } from './work-folder.js';

/** Stays behind where `rm -rf DIR/*` was, and `ls` does not show it. */
const LEFT_BEHIND = [OPENINGS, WORK_FOLDER];

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

/** Backs the store in `source` up as the new folder `target`. Throws `StoreUnusable`, and what the disk throws. */
export async function backupStore(
  source: string,
  target: string,
  onProgress: (progress: Progress) => void,
): Promise<BackupReport> {
  const partial = join(dirname(target), `.${basename(target)}.partial-${process.pid}`);
  await rm(partial, { recursive: true, force: true });
  try {
    await mkdir(partial, { recursive: true });
    await copyChunks(
      source,
      partial,
      (from, to) => copyFile(from, to, constants.COPYFILE_FICLONE),
      onProgress,
    );
    await copyDataFile(source, partial);
    const report = await reconcileCopy(partial);
    await syncTree(partial);
    for (const name of LEFT_BEHIND) await rm(join(target, name), { recursive: true, force: true });
    await rename(partial, target);
    await syncPath(dirname(target));
    return report;
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

async function copyDataFile(source: string, partial: string): Promise<void> {
  const env = openEnv(source, { mode: 'read' });
  try {
    await env.copyTo(join(partial, DATA_FILE));
  } finally {
    await env.close();
  }
}

/** Copies the chunk files that the target does not have; one that vanishes meanwhile was replaced or has expired. */
export async function copyChunks(
  source: string,
  target: string,
  copy: (from: string, to: string) => Promise<void>,
  onProgress: (progress: Progress) => void,
): Promise<void> {
  const have = new Set(chunkFilesIn(target));
  const missing = [...chunkFilesIn(source)].filter((fileId) => !have.has(fileId));
  for (const [index, fileId] of missing.entries()) {
    const path = chunkPath(target, fileId);
    await mkdir(dirname(path), { recursive: true });
    try {
      await copy(chunkPath(source, fileId), path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    onProgress({ done: index + 1, total: missing.length });
  }
}

/** Makes files and manifest of the copy agree. */
async function reconcileCopy(partial: string): Promise<BackupReport> {
  const env = openEnv(partial, { mode: 'read' });
  try {
    const log = openLog(env);
    const manifest = openManifest(env);
    if (missingFiles(partial, manifest).length > 0)
      throw new StoreUnusable('replay chunks have lost their files: run `spyglass verify`');
    removeOrphans(partial, manifest);
    let events = 0;
    for (const { value } of log.tables.offsets.range({})) events += value.readUInt16BE(6);
    return { events, head: log.head(), chunks: manifest.totals().chunks };
  } finally {
    await env.close();
    await rm(join(partial, `${DATA_FILE}-lock`), { force: true });
  }
}

async function syncTree(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) await syncTree(child);
    else await syncPath(child);
  }
  await syncPath(path);
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
