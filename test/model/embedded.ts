/** The embedded engine as the histories' subject: opened on this thread, its views laid bare. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Env, openEnv } from '../../src/log/env.js';
import { openLog } from '../../src/log/log.js';
import { rebuildAside } from '../../src/projections/rebuild.js';
import { openViewTables, PROJECTIONS } from '../../src/projections/registry.js';
import { openLmdbStore } from '../../src/store/lmdb-store.js';
import type { Store } from '../../src/store/store.js';
import { type DumpingSubject, firstRowDifference, type ViewRow } from './grouping.js';
import { withDataDir } from './run.js';

function* viewRows(env: Env): Generator<ViewRow> {
  for (const { tables } of PROJECTIONS) {
    for (const table of tables) {
      for (const { key, value } of env.table(table).range({})) yield [table, key, value];
    }
  }
}

/** Runs `look` on a second handle of a store that is open. */
async function beside<T>(dataDir: string, look: (env: Env) => T | Promise<T>): Promise<T> {
  const env = openEnv(dataDir, { mode: 'write' });
  try {
    env.renewSnapshot();
    return await look(env);
  } finally {
    await env.close();
  }
}

export const embedded: DumpingSubject<Store> = {
  fencesAtOnce: true,
  open: (dataDir, now) => openLmdbStore({ dataDir, now }),
  verifyViews: (_store, dataDir) =>
    beside(dataDir, (env) =>
      withDataDir(async (folder) => {
        const asideDir = join(folder, 'aside');
        mkdirSync(asideDir);
        const aside = openEnv(asideDir, { mode: 'scratch' });
        try {
          openViewTables(aside);
          rebuildAside(aside, openLog(env), () => {});
          return firstRowDifference(['store', viewRows(env)], ['rebuild', viewRows(aside)]);
        } finally {
          await aside.close();
        }
      }),
    ),
  dumpViews: (_store, dataDir) => beside(dataDir, (env) => Array.from(viewRows(env))),
};
