/**
 * The users to be erased: a file in the data folder, which is there until nothing of them is left. A
 * start carries them out, one by one (`erase.ts`), so a crash only delays them.
 */
import {
  closeSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Erasure } from '../port.js';
import { WORK_FOLDER } from './work-folder.js';

const ERASURES_FILE = 'erasures.json';

/** How often an erasure is tried before starts leave it alone, and the collector serves without it. */
const TRIES_MAX = 3;

/** `tries` counts the times that it was begun. */
export interface PendingErasure extends Erasure {
  tries?: number;
}

/** The erasures asked for and not done yet; empty as a rule. */
export function pendingErasures(dataDir: string): PendingErasure[] {
  try {
    return JSON.parse(readFileSync(join(dataDir, ERASURES_FILE), 'utf8')) as PendingErasure[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

const isSame = (a: Erasure, b: Erasure): boolean => a.user === b.user && a.app === b.app;
const isDue = ({ tries = 0 }: PendingErasure): boolean => tries < TRIES_MAX;

/**
 * The erasures that a start carries out: those that were not tried too often. First those that were tried least: one
 * that ends the process keeps the others waiting only once.
 */
export const dueErasures = (dataDir: string): PendingErasure[] =>
  pendingErasures(dataDir)
    .filter(isDue)
    .sort((a, b) => (a.tries ?? 0) - (b.tries ?? 0));

/** Durable when it returns; asked for again, an erasure is tried again. */
export function askForErasure(dataDir: string, erasure: Erasure): void {
  const others = pendingErasures(dataDir).filter((pending) => !isSame(pending, erasure));
  writeErasures(dataDir, [...others, erasure]);
}

/** Counts a try of an erasure, durably: the try may end the process. */
export function beginErasure(dataDir: string, erasure: Erasure): void {
  writeErasures(
    dataDir,
    pendingErasures(dataDir).map((one) =>
      isSame(one, erasure) ? { ...one, tries: (one.tries ?? 0) + 1 } : one,
    ),
  );
}

export function erasureDone(dataDir: string, erasure: Erasure): void {
  const left = pendingErasures(dataDir).filter((one) => !isSame(one, erasure));
  if (left.length > 0) {
    writeErasures(dataDir, left);
    return;
  }
  rmSync(join(dataDir, ERASURES_FILE), { force: true });
  syncPath(dataDir);
}

function writeErasures(dataDir: string, erasures: readonly PendingErasure[]): void {
  const path = join(dataDir, ERASURES_FILE);
  const fresh = `${path}.new`;
  writeFileSync(fresh, JSON.stringify(erasures), { mode: 0o600 });
  syncPath(fresh);
  renameSync(fresh, path);
  syncPath(dataDir);
}

/** Removes what commands left behind that were cut off; `.compact` is of the release before. */
export function removeLeftovers(dataDir: string): void {
  for (const name of [WORK_FOLDER, '.compact']) removeForGood(join(dataDir, name));
}

/** Removes a folder, if it is there: a power cut brings nothing back that lay in it. */
export function removeForGood(folder: string): void {
  // A link would lead the superuser elsewhere.
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    rmSync(folder, { force: true });
    return;
  }
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) removeForGood(path);
    else rmSync(path, { force: true });
  }
  syncPath(folder);
  rmdirSync(folder);
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
