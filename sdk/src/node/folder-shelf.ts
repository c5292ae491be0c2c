/** A shelf whose entries are files of a folder, so that what is queued outlives the process. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../attempt.js';
import type { Shelf } from '../storage.js';

const SUFFIX = '.batch';

/** Makes the folder where needed. A file that cannot be written, on a full disk say, is kept in memory instead. */
export function createFolderShelf(folder: string): Shelf {
  mkdirSync(folder, { recursive: true });
  const memory = new Map<string, string>();
  const fileOf = (key: string) => join(folder, encodeURIComponent(key) + SUFFIX);
  return {
    get: (key) => memory.get(key) ?? attempt(() => readFileSync(fileOf(key), 'utf8')) ?? null,
    set(key, text) {
      memory.set(key, text);
      attempt(() => {
        const file = fileOf(key);
        // Whole or not at all: a crash half-way must leave the entry as it was.
        writeFileSync(`${file}.new`, text);
        renameSync(`${file}.new`, file);
        memory.delete(key);
      });
    },
    remove(key) {
      memory.delete(key);
      attempt(() => rmSync(fileOf(key), { force: true }));
    },
    keys() {
      const files = (attempt(() => readdirSync(folder)) ?? []).filter((name) => name.endsWith(SUFFIX));
      return [...memory.keys(), ...files.map((name) => decodeURIComponent(name.slice(0, -SUFFIX.length)))];
    },
  };
}
