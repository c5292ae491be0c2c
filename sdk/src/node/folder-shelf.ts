/** A shelf whose entries are files in a folder, so that the queue outlives the process. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../attempt.js';
import type { Shelf } from '../storage.js';

const SUFFIX = '.batch';

/** Creates the folder if needed. An entry that cannot be written, on a full disk for example, is kept in memory. */
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
        // Atomic, so that a crash leaves the old entry or the new one.
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
