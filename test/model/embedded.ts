/** The embedded engine as the histories' subject: opened on this thread, or on threads of its own as a collector has it. */
import { type Env, openEnv } from '../../src/log/file/env.js';
import { PROJECTIONS } from '../../src/projections/registry.js';
import { verifyStore } from '../../src/store/offline/verify.js';
import { openStore } from '../../src/store/open.js';
import { openLmdbStore } from '../../src/store/open-in-process.js';
import type { Store } from '../../src/store/port.js';
import type { DumpingSubject, ViewRow } from './grouping.js';
import type { Subject } from './run.js';

const LIMITS = { body_bytes: 1_048_576, chunk_bytes: 8_388_608, events_per_minute: 0 };

const verifyViews = async (_store: Store, dataDir: string): Promise<string | undefined> =>
  (await verifyStore(dataDir, () => {})).problem;

function* viewRows(env: Env): Generator<ViewRow> {
  for (const { tables } of PROJECTIONS) {
    for (const table of tables) {
      for (const { key, value } of env.table(table).range({})) yield [table, key, value];
    }
  }
}

export const embedded: DumpingSubject<Store> = {
  fencesAtOnce: true,
  open: (dataDir, now) => openLmdbStore({ dataDir, now }),
  verifyViews,
  async dumpViews(_store, dataDir) {
    const env = openEnv(dataDir, { mode: 'read' });
    try {
      return Array.from(viewRows(env));
    } finally {
      await env.close();
    }
  },
};

export const threaded: Subject = {
  fencesAtOnce: false,
  open: async (dataDir, now) => (await openStore({ dataDir, now, apps: {}, limits: LIMITS })).store,
  verifyViews,
};
