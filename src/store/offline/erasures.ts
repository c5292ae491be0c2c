/**
 * The users to be erased: a file in the data folder, which is there until nothing of them is left. A
 * start and the next erasure carry them out first (`erase.ts`), so a crash only delays them.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Erasure } from '../port.js';
import { WORK_FOLDER } from './work-folder.js';

const ERASURES_FILE = 'erasures.json';

/** The erasures asked for and not done yet; empty as a rule. */
export function pendingErasures(dataDir: string): Erasure[] {
  try {
    return JSON.parse(readFileSync(join(dataDir, ERASURES_FILE), 'utf8')) as Erasure[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Durable when it returns. */
export function askForErasure(dataDir: string, erasure: Erasure): void {
  const path = join(dataDir, ERASURES_FILE);
  const fresh = `${path}.new`;
  writeFileSync(fresh, JSON.stringify([...pendingErasures(dataDir), erasure]), { mode: 0o600 });
  syncPath(fresh);
  renameSync(fresh, path);
  syncPath(dataDir);
}

export function erasuresDone(dataDir: string): void {
  rmSync(join(dataDir, ERASURES_FILE), { force: true });
  syncPath(dataDir);
}

/** Removes what commands left behind that were cut off; `.compact` is of the release before. */
export function removeLeftovers(dataDir: string): void {
  for (const name of [WORK_FOLDER, '.compact']) rmSync(join(dataDir, name), { recursive: true, force: true });
}

/** Makes a file durable, or the names in a folder. */
export function syncPath(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
