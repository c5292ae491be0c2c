/**
 * Rewrites the data file row by row into a new one, so that what was deleted leaves the disk. LMDB's own
 * compacting copy would not do: it copies pages, and a page keeps deleted bytes in its gaps.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { openLog } from '../../log/batches/log.js';
import { DATA_FILE, StoreUnusable } from '../../log/file/data-dir.js';
import { type Env, openEnv, type Table } from '../../log/file/env.js';
import type { OnProgress } from '../port.js';
import { removeForGood, syncPath } from './erasures.js';
import { makeWorkFolder } from './work-folder.js';

/** Of keys and values in one transaction. */
const TRANSACTION_BYTES = 8 * 1_048_576;

export interface CompactReport {
  /** Of the data file. */
  bytesBefore: number;
  bytesAfter: number;
}

/** Compacts a store that nobody has open, under the writer lock. Cut off, it leaves the store as it was. */
export async function compactStore(dataDir: string, onProgress: OnProgress): Promise<CompactReport> {
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
    // By descriptor: the work folder is its owner's, who could put a link there while the superuser runs this.
    const file = openSync(compacted, constants.O_RDWR | (constants.O_NOFOLLOW ?? 0));
    try {
      fchmodSync(file, before.mode);
      // Run by the superuser, it must not lock out the store's owner.
      if (process.getuid?.() === 0) fchownSync(file, before.uid, before.gid);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(compacted, path);
    syncPath(dataDir);
    return { bytesBefore: before.size, bytesAfter: statSync(path).size };
  } finally {
    // The readers' table belongs to the file that went.
    rmSync(`${path}-lock`, { force: true });
    removeForGood(work);
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
