/**
 * A copy of a store that agrees with itself, made beside a live collector.
 *
 * 1. the chunk files there are now are copied, the long part; 2. the data file is copied from one snapshot; 3. the
 * chunks that came meanwhile follow; 4. a chunk that was replaced between 2 and 3 means another round from 2; 5. files
 * the copied manifest does not name go, everything is synced, and the folder gets its name. Cut off before that, the
 * backup does not exist.
 */
import { constants, existsSync, readdirSync, rmSync } from 'node:fs';
import { copyFile, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { openLog } from '../../log/batches/log.js';
import { DATA_FILE, StoreUnusable } from '../../log/file/data-dir.js';
import { openEnv } from '../../log/file/env.js';
import { OPENINGS } from '../../log/file/open-gate.js';
import { chunkFilesIn, chunkPath, missingFiles, removeOrphans } from '../../replay/files.js';
import { openManifest } from '../../replay/manifest.js';
import { settleStore } from './settle.js';

/** Chunks replaced in the instant of a round are few; this many rounds of them in a row mean something else. */
const ROUNDS_MAX = 10;

export interface BackupReport {
  events: number;
  head: number;
  chunks: number;
}

/** Backs the store in `dataDir` up as the new folder `target`. Throws `StoreUnusable`, and what the disk throws. */
export async function backupStore(
  dataDir: string,
  target: string,
  onProgress: (done: number, total: number) => void,
): Promise<BackupReport> {
  assertTarget(dataDir, target);
  await settleStore(dataDir);
  const partial = join(dirname(target), `.${basename(target)}.partial-${process.pid}`);
  await rm(partial, { recursive: true, force: true });
  try {
    await mkdir(partial, { recursive: true });
    await copyChunks(dataDir, partial, onProgress);
    let report: BackupReport | undefined;
    for (let round = 0; report === undefined; round++) {
      if (round === ROUNDS_MAX)
        throw new StoreUnusable('replay chunks have lost their files: run `spyglass verify`');
      await copyDataFile(dataDir, partial);
      await copyChunks(dataDir, partial, onProgress);
      report = await settle(partial);
    }
    await syncTree(partial);
    await rename(partial, target);
    await syncPath(dirname(target));
    return report;
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

/** Opened anew each time: an erasure or a compaction puts another file in its place. */
async function copyDataFile(dataDir: string, partial: string): Promise<void> {
  const target = join(partial, DATA_FILE);
  await rm(target, { force: true });
  const env = openEnv(dataDir, { mode: 'read' });
  try {
    await env.copyTo(target);
  } finally {
    await env.close();
  }
}

function assertTarget(dataDir: string, target: string): void {
  const inside = relative(resolve(dataDir), resolve(target));
  if (inside === '' || (inside !== '..' && !inside.startsWith(`..${sep}`))) {
    throw new StoreUnusable(`${target} lies in the data folder itself: back up to another place`);
  }
  if (!existsSync(target)) return;
  if (readdirSync(target).some((name) => name !== OPENINGS))
    throw new StoreUnusable(`${target} is not empty: a backup makes a new folder`);
  // `rm -rf DIR/*` leaves it, and `ls` does not show it.
  rmSync(join(target, OPENINGS), { recursive: true, force: true });
}

/** Copies the chunk files that the copy does not have; one that vanishes meanwhile was replaced or has expired. */
async function copyChunks(
  dataDir: string,
  partial: string,
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  const have = new Set(chunkFilesIn(partial));
  const missing = [...chunkFilesIn(dataDir)].filter((fileId) => !have.has(fileId));
  for (const [index, fileId] of missing.entries()) {
    const path = chunkPath(partial, fileId);
    await mkdir(dirname(path), { recursive: true });
    try {
      await copyFile(chunkPath(dataDir, fileId), path, constants.COPYFILE_FICLONE);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    onProgress(index + 1, missing.length);
  }
}

/** Makes files and manifest of the copy agree; `undefined` when a file that the manifest names did not make it. */
async function settle(partial: string): Promise<BackupReport | undefined> {
  const env = openEnv(partial, { mode: 'read' });
  try {
    const log = openLog(env);
    const manifest = openManifest(env);
    if (missingFiles(partial, manifest).length > 0) return undefined;
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
