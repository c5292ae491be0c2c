/**
 * A consistent copy of a store, made by the collector that writes it, for `verify` and `backup`: 1. the chunk
 * files are linked, the long part; 2. the data file is copied from one snapshot; 3. the chunks that came
 * meanwhile follow; 4. a chunk that was replaced between 2 and 3 means another round from 2, and so does a
 * request of which the snapshot has a part.
 */
import { createHash } from 'node:crypto';
import { link, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLog } from '../../log/batches/log.js';
import { DATA_FILE, StoreUnusable } from '../../log/file/data-dir.js';
import { type Env, openEnv } from '../../log/file/env.js';
import { missingFiles } from '../../replay/files.js';
import { openManifest } from '../../replay/manifest.js';
import type { OnProgress } from '../port.js';
import { cloneFile, copyChunks } from './backup.js';
import { withStore } from './with-store.js';

/** Few chunks are replaced within a round, so more rounds than this mean another fault. */
const ROUNDS_MAX = 10;
const POLL_MS = 5;
/** The digest of no missing files. */
const NONE = createHash('sha256').digest('hex');

/** Copies the store that this process has open into an empty folder beside it. Throws `StoreUnusable`. */
export async function copyLive(dataDir: string, folder: string, onProgress: OnProgress): Promise<void> {
  const env = openEnv(dataDir, { mode: 'write' });
  try {
    const target = join(folder, DATA_FILE);
    await copyChunks(dataDir, folder, linkFile, onProgress);
    for (let round = 0, lost = NONE; round < ROUNDS_MAX; round++) {
      await rm(target, { force: true });
      await untilWhole(env);
      await env.copyTo(target);
      await copyChunks(dataDir, folder, linkFile, onProgress);
      const missing = await withStore(folder, 'read', (copy) => {
        if (openLog(copy).begunAt() !== undefined) return undefined;
        const digest = createHash('sha256');
        for (const fileId of missingFiles(folder, openManifest(copy))) digest.update(fileId);
        return digest.digest('hex');
      });
      // What is missing twice was not replaced: the command that takes the copy reports it.
      if (missing === lost) return;
      lost = missing ?? lost;
    }
    throw new StoreUnusable('the store changes faster than it can be copied: try again when less is sent');
  } finally {
    await env.close();
  }
}

/** Waits while a request is in the tables in part: no longer than its next transactions take. */
async function untilWhole(env: Env): Promise<void> {
  const log = openLog(env);
  for (env.renewSnapshot(); log.begunAt() !== undefined; env.renewSnapshot()) await sleep(POLL_MS);
}

/** A chunk file never changes, so a link is as good as a copy, where the file system has links. */
const linkFile = (from: string, to: string): Promise<void> =>
  link(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw error;
    return cloneFile(from, to);
  });
