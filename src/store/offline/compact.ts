/**
 * Rewrites the data file row by row into a new one, which then takes its place: what was deleted leaves the disk.
 *
 * Not LMDB's own compacting copy: that copies pages, and in the gaps of a page lies what was deleted from it.
 */
import { chmodSync, chownSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openLog } from '../../log/batches/log.js';
import { DATA_FILE, StoreUnusable } from '../../log/file/data-dir.js';
import { type Env, openEnv, type Table } from '../../log/file/env.js';
import type { Progress } from '../port.js';
import { syncPath } from './erasures.js';
import { makeWorkFolder } from './work-folder.js';

/** Of keys and values in one transaction. */
const TRANSACTION_BYTES = 8 * 1_048_576;

export interface CompactReport {
  /** Of the data file. */
  bytesBefore: number;
  bytesAfter: number;
}

/**
 * Compacts a store that the caller has the writer lock of and nobody has open. Cut off anywhere, the store is as it was.
 * Throws what the disk throws.
 */
export async function compactStore(
  dataDir: string,
  onProgress: (progress: Progress) => void,
): Promise<CompactReport> {
  const path = join(dataDir, DATA_FILE);
  const work = makeWorkFolder(dataDir);
  const before = statSync(path);
  try {
    const from = openEnv(dataDir, { mode: 'read' });
    const to = openEnv(work, { mode: 'write' });
    try {
      openLog(from); // refuses what this release cannot read
      const tables = from.tableNames().map((name) => tableOf(from, name));
      const total = tables.reduce((sum, table) => sum + table.entryCount(), 0);
      let done = 0;
      for (const table of tables) {
        copyTable(table, tableOf(to, table.name), to, (rows) => {
          done += rows;
          onProgress({ done, total });
        });
      }
    } finally {
      await to.close();
      await from.close();
    }
    const compacted = join(work, DATA_FILE);
    chmodSync(compacted, before.mode);
    // The superuser's command must not keep out whoever the store belongs to.
    if (process.getuid?.() === 0) chownSync(compacted, before.uid, before.gid);
    syncPath(compacted);
    renameSync(compacted, path);
    syncPath(dataDir);
    return { bytesBefore: before.size, bytesAfter: statSync(path).size };
  } finally {
    // The readers' table belongs to the file that went.
    rmSync(`${path}-lock`, { force: true });
    rmSync(work, { recursive: true, force: true });
  }
}

/** A table under the options it was made with. */
const tableOf = (env: Env, name: string): Table =>
  env.table(name, name === 'log' ? { compressed: true } : undefined);

function copyTable(from: Table, to: Table, env: Env, onWritten: (rows: number) => void): void {
  let rows: [key: Buffer, value: Buffer][] = [];
  let bytes = 0;
  const write = () => {
    env.transaction(() => {
      for (const [key, value] of rows) to.put(key, value);
    });
    onWritten(rows.length);
    rows = [];
    bytes = 0;
  };
  for (const { key, value } of from.range({})) {
    rows.push([Buffer.from(key), Buffer.from(value)]);
    bytes += key.length + value.length;
    if (bytes >= TRANSACTION_BYTES) write();
  }
  write();
  if (to.entryCount() !== from.entryCount())
    throw new StoreUnusable(`table ${from.name} did not come over whole`);
}
