/** Looks for texts in all that a collector keeps on disk, packed or not. */
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { openEnv } from '../../src/log/file/env.js';
import { filesUnder } from './files.js';

/**
 * Which of the texts lie anywhere in the folder: in a file as it is, in a replay chunk unpacked, or in a row of a table, unpacked
 * where the log packs it. A test that finds none must have found another one by the same way.
 */
export async function textsOnDisk(dataDir: string, texts: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  const look = (bytes: Buffer) => {
    for (const text of texts) if (bytes.includes(text)) found.add(text);
  };
  for (const file of await filesUnder(dataDir)) {
    // A file may go, and one may be half-written, while a collector runs.
    const bytes = await readFile(file).catch(() => Buffer.alloc(0));
    look(bytes);
    try {
      look(gunzipSync(bytes));
    } catch {
      // No chunk, or not yet.
    }
  }
  const env = openEnv(dataDir, { mode: 'read' });
  for (const name of env.tableNames()) {
    const table = env.table(name, name === 'log' ? { compressed: true } : undefined);
    for (const { key, value } of table.range({})) for (const bytes of [key, value]) look(bytes);
  }
  await env.close();
  return [...found].sort();
}
