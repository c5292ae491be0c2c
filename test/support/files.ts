/** Looks at what a collector keeps on disk, without knowing how. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Every file under a folder, by its path from there, in order. */
export async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** The files under a folder that hold exactly these bytes. */
export async function filesWith(folder: string, bytes: Uint8Array): Promise<string[]> {
  const found: string[] = [];
  for (const file of await filesUnder(folder)) {
    const content = await readFile(file).catch(() => undefined);
    if (content?.equals(bytes)) found.push(file);
  }
  return found;
}
