/** The embedded engine as the histories' subject: opened on this thread, or on threads of its own as a collector has it. */
import { rmSync } from 'node:fs';
import type { EventRequest } from '../../src/domain/event.js';
import { type Env, openEnv } from '../../src/log/file/env.js';
import { PROJECTIONS } from '../../src/projections/registry.js';
import { copyLive } from '../../src/store/offline/live-copy.js';
import { verifyStore } from '../../src/store/offline/verify.js';
import { makeWorkFolder } from '../../src/store/offline/work-folder.js';
import { openStore } from '../../src/store/open.js';
import { openLmdbStore } from '../../src/store/open-in-process.js';
import type { Store, WritableStore } from '../../src/store/port.js';
import { apps } from '../support/http.js';
import type { DumpingSubject, ViewRow } from './grouping.js';
import type { Subject } from './run.js';
import { bodyOf } from './wire.js';
import { APPS } from './world.js';

/** Histories know no limit on a body: long ones send thousands of events at once. */
const LIMITS = { body_bytes: 30 * 1_048_576, chunk_bytes: 8_388_608, events_per_minute: 0 };

const verifyViews = async (_store: Store, dataDir: string): Promise<string | undefined> =>
  (await verifyStore(dataDir, () => {})).problem;

function* viewRows(env: Env): Generator<ViewRow> {
  for (const { tables } of PROJECTIONS) {
    for (const table of tables) {
      for (const { key, value } of env.table(table).range({})) yield [table, key, value];
    }
  }
}

export const embedded: DumpingSubject<WritableStore> = {
  medium: 'port',
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

/** Takes its batches as requests, with a clock that is right. */
export const threaded: Subject = {
  medium: 'ingest',
  fencesAtOnce: false,
  async open(dataDir, now) {
    const { store, ingest } = await openStore({
      dataDir,
      now,
      apps: apps(...APPS),
      limits: LIMITS,
      // Machines that run many tests at once are slow.
      readers: { readMs: 60_000 },
    });
    const send = async (batch: EventRequest): Promise<PromiseSettledResult<'stored'>> => {
      const { receivedAt } = batch;
      const refusal = await ingest({ body: Buffer.from(bodyOf(batch, receivedAt)), receivedAt });
      return refusal === undefined
        ? { status: 'fulfilled', value: 'stored' }
        : { status: 'rejected', reason: refusal };
    };
    // Of requests that wait at once, one app's are taken in their order, those of several in turns.
    let app: string | undefined;
    let othersTaken: Promise<unknown> = Promise.resolve();
    let allTaken: Promise<unknown> = Promise.resolve();
    const sendInOrder = (batch: EventRequest) => {
      if (batch.app !== app) othersTaken = allTaken;
      app = batch.app;
      const result = othersTaken.then(() => send(batch));
      allTaken = Promise.all([allTaken, result]);
      return result;
    };
    return { ...store, append: (batches) => Promise.all(batches.map(sendInOrder)) };
  },
  verifyViews: async (store, dataDir) => {
    // As a collector does it: once the tables hold all that was acknowledged, a copy is checked.
    await store.tail(0, 1);
    const folder = makeWorkFolder(dataDir);
    try {
      await copyLive(dataDir, folder, () => {});
      return await verifyViews(store, folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
