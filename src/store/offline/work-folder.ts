/** Folders for what is thrown away again: a copy of the store, views folded aside, a data file that is being rewritten. */
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { giveToOwner } from '../../log/file/data-dir.js';

/** They lie in the data folder, whose disk has the room. */
export const WORK_FOLDER = '.tmp';

/** Makes a new one; on a file system that nobody can write to, where the system has its own. Throws what the disk throws. */
export function makeWorkFolder(dataDir: string): string {
  const parent = join(dataDir, WORK_FOLDER);
  try {
    mkdirSync(parent, { recursive: true, mode: 0o700 });
    const folder = mkdtempSync(`${parent}/`);
    for (const made of [parent, folder]) giveToOwner(made, dataDir);
    return folder;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EROFS') throw error;
    return mkdtempSync(join(tmpdir(), 'spyglass-'));
  }
}
