/**
 * Chunk files: immutable, named by a random id, under `<dataDir>/replay/<first byte of the id>/`.
 *
 * Life of a chunk:
 * 1. its file is written and fsynced under another name, then renamed, and the folder is fsynced;
 * 2. the manifest row that names it commits;
 * 3. the file of the chunk it replaced is removed.
 * A stop between any two leaves at most a file that no row names, which the next start removes. No client's
 * string is ever part of a path.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { FILE_ID_BYTES, type Manifest } from './manifest.js';

export type ChunkFiles = ReturnType<typeof openChunkFiles>;

const REPLAY_DIR = 'replay';
const SUFFIX = '.gz';
const CHUNK_FILE = /^([0-9a-f]{32})\.gz$/;

const folderOf = (dataDir: string, fileId: string): string => join(dataDir, REPLAY_DIR, fileId.slice(0, 2));
/** Where a chunk's file is, whether it exists or not. */
export const chunkPath = (dataDir: string, fileId: string): string =>
  join(folderOf(dataDir, fileId), fileId + SUFFIX);

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function openChunkFiles(dataDir: string) {
  const known = new Set<string>();

  /** Makes the folder, durably, before the first file in it. */
  const ensureFolder = async (fileId: string): Promise<string> => {
    const folder = folderOf(dataDir, fileId);
    if (known.has(folder)) return folder;
    mkdirSync(folder, { recursive: true });
    await syncFolder(join(dataDir, REPLAY_DIR));
    await syncFolder(dataDir);
    known.add(folder);
    return folder;
  };

  return {
    /** Writes a new file, durable when it settles; returns its id. */
    async write(bytes: Uint8Array): Promise<string> {
      const fileId = randomBytes(FILE_ID_BYTES).toString('hex');
      const folder = await ensureFolder(fileId);
      const path = chunkPath(dataDir, fileId);
      const partial = `${path}.partial`;
      try {
        await writeFile(partial, bytes, { flag: 'wx', flush: true });
        await rename(partial, path);
        await syncFolder(folder);
      } catch (error) {
        for (const left of [partial, path]) await rm(left, { force: true });
        throw error;
      }
      return fileId;
    },
    /** The bytes, or `undefined` when the file is gone. */
    async read(fileId: string): Promise<Uint8Array | undefined> {
      try {
        return await readFile(chunkPath(dataDir, fileId));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    },
    remove: (fileId: string) => rm(chunkPath(dataDir, fileId), { force: true }),
  };
}

/** The path of every file at any depth of a folder; a link is a file, and not followed. */
function* filesUnder(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesUnder(path);
    else yield path;
  }
}

/** Every file in the replay folder, with its id if it is a chunk's and in its place. */
function* entriesIn(dataDir: string): Generator<{ path: string; fileId?: string }> {
  const root = join(dataDir, REPLAY_DIR);
  if (!existsSync(root)) return;
  for (const path of filesUnder(root)) {
    const fileId = CHUNK_FILE.exec(basename(path))?.[1];
    yield fileId !== undefined && path === chunkPath(dataDir, fileId) ? { path, fileId } : { path };
  }
}

/** The ids of every chunk file in the folder, whether a row names it or not. */
export function* chunkFilesIn(dataDir: string): Generator<string> {
  for (const { fileId } of entriesIn(dataDir)) {
    if (fileId !== undefined) yield fileId;
  }
}

/** Removes the files no row names, which a crash left, before anything is accepted. Returns how many. */
export function removeOrphans(dataDir: string, manifest: Manifest): number {
  let removed = 0;
  for (const { path, fileId } of entriesIn(dataDir)) {
    if (fileId !== undefined && manifest.holdsFile(fileId)) continue;
    rmSync(path, { force: true });
    removed++;
  }
  return removed;
}

/** The files rows name that are not there; there may be millions. */
export function* missingFiles(dataDir: string, manifest: Manifest): Generator<string> {
  for (const { chunk } of manifest.all())
    if (!existsSync(chunkPath(dataDir, chunk.fileId))) yield chunk.fileId;
}
