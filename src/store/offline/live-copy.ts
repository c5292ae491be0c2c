/**
 * A copy of a store that agrees with itself, made by the collector that writes it, for a command to check or to take away.
 *
 * 1. The chunk files there are now are linked, the long part; 2. the data file is copied from one snapshot; 3. the chunks that
 * came meanwhile follow; 4. a chunk that was replaced between 2 and 3 means another round from 2.
 */
import { constants } from 'node:fs';
import { copyFile, link, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DATA_FILE, StoreUnusable } from '../../log/file/data-dir.js';
import { openEnv } from '../../log/file/env.js';
import { missingFiles } from '../../replay/files.js';
import { openManifest } from '../../replay/manifest.js';
import type { Progress } from '../port.js';
import { copyChunks } from './backup.js';

/** Chunks replaced in the instant of a round are few; this many rounds of them in a row mean something else. */
const ROUNDS_MAX = 10;

/** Copies the store that this process has open into an empty folder beside it. Throws `StoreUnusable`, and what the disk throws. */
export async function copyLive(
  dataDir: string,
  folder: string,
  onProgress: (progress: Progress) => void,
): Promise<void> {
  const target = join(folder, DATA_FILE);
  const env = openEnv(dataDir, { mode: 'write' });
  try {
    await copyChunks(dataDir, folder, linkFile, onProgress);
    for (let round = 0, lost = ''; round < ROUNDS_MAX; round++) {
      await rm(target, { force: true });
      await env.copyTo(target);
      await copyChunks(dataDir, folder, linkFile, onProgress);
      const missing = await missingIn(folder);
      // What is missing twice was not replaced: whoever takes the copy will say so.
      if (missing === lost) return;
      lost = missing;
    }
    throw new StoreUnusable('replay chunks are replaced faster than they can be copied');
  } finally {
    await env.close();
  }
}

/** A chunk file never changes, so a link is as good as a copy, where the file system has any. */
const linkFile = (from: string, to: string): Promise<void> =>
  link(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw error;
    return copyFile(from, to, constants.COPYFILE_FICLONE);
  });

/** The files that the copy's manifest names and the copy lacks. */
async function missingIn(folder: string): Promise<string> {
  const env = openEnv(folder, { mode: 'read' });
  try {
    return missingFiles(folder, openManifest(env)).join();
  } finally {
    await env.close();
  }
}
