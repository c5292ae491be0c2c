/** Opens a store's file for some work and closes it again, whatever comes of the work. */
import { type Log, openLog } from '../../log/batches/log.js';
import { reason, StoreUnusable } from '../../log/file/data-dir.js';
import { type Env, openEnv } from '../../log/file/env.js';
import { openViewTables } from '../../projections/registry.js';
import { removeForGood } from './erasures.js';
import { makeWorkFolder } from './work-folder.js';

type Work<T> = (env: Env, log: Log) => T | Promise<T>;

/** Throws `StoreUnusable` where there is no store that this release can read. */
export async function withStore<T>(dataDir: string, mode: 'read' | 'write', work: Work<T>): Promise<T> {
  const env = openEnv(dataDir, { mode });
  try {
    return await work(env, openLog(env));
  } finally {
    await env.close();
  }
}

/** The same, to read a store, with the tables of every view, empty, in a throw-away file. */
export function withViewsAside<T>(
  dataDir: string,
  work: (env: Env, log: Log, aside: Env) => T | Promise<T>,
): Promise<T> {
  return withStore(dataDir, 'read', async (env, log) => {
    const folder = makeWorkFolder(dataDir);
    const aside = openEnv(folder, { mode: 'scratch' });
    try {
      const inWords = openInWords(folder, env.fileBytes());
      inWords(() => openViewTables(aside));
      const transaction = (write: () => void) => inWords(() => aside.transaction(write));
      return await work(env, log, { ...aside, transaction });
    } finally {
      await aside.close();
      removeForGood(folder);
    }
  });
}

/** Says in words when a throw-away file has no room, for which LMDB has only a code. */
function openInWords(folder: string, storeBytes: number): (run: () => void) => void {
  return (run) => {
    try {
      run();
    } catch (error) {
      // LMDB's errors have numbers, which the folds' errors have not.
      if (typeof (error as { code?: unknown }).code !== 'number') throw error;
      throw new StoreUnusable(
        `no room for a copy of the views in ${folder}: it takes up to ${Math.ceil(storeBytes / 1_048_576)} MiB ` +
          `(${reason(error)}). It is made in the data folder or, where nobody can write there, in the folder ` +
          'that TMPDIR names: make room there, or name another',
      );
    }
  };
}
