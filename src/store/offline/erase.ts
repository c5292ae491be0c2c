/**
 * Erasure: removes users from a closed store: their events, the replays of their sessions, and all texts only
 * they had. Its steps, each harmless when done again after a crash:
 *   1. the WAL is applied; 2. the log is read for the user's batches, their sessions, and names nobody else
 *   uses; 3. the sessions' chunks go, rows and files; 4. the batches go, the texts, and the views; 5. views
 *   are folded anew; 6. the data file is rewritten, the WAL removed; 7. the request for the erasure goes.
 * Numbers of users and names are never given again.
 */
import { rmSync } from 'node:fs';
import { forgetText } from '../../log/batches/dictionaries.js';
import type { Log } from '../../log/batches/log.js';
import type { RecordBatch } from '../../log/batches/record-batch.js';
import type { Env } from '../../log/file/env.js';
import { readU48, timeKey, u48 } from '../../log/file/keys.js';
import { removeWal } from '../../log/wal/wal.js';
import { forgetViews } from '../../projections/rebuild.js';
import { chunkPath } from '../../replay/files.js';
import { openManifest } from '../../replay/manifest.js';
import type { EraseReport, Erasure, OnProgress } from '../port.js';
import { openWriteSide } from '../sides.js';
import { foldAhead } from '../threads/folding-ahead.js';
import { compactStore } from './compact.js';
import { askForErasure, erasuresDone, pendingErasures, removeLeftovers } from './erasures.js';

/** Batches deleted in one transaction. */
const DELETE_BATCHES = 1_024;

/** Erases a user; the caller has the writer lock, and nobody has the store open. Throws `StoreUnusable`. */
export async function eraseUser(dataDir: string, erasure: Erasure, onProgress: OnProgress) {
  askForErasure(dataDir, erasure);
  // The copies that commands asked for hold the user too.
  removeLeftovers(dataDir);
  return carryOutErasures(dataDir, onProgress);
}

/** Carries out what was asked for; the caller has the writer lock, and nobody has the store open. */
export async function carryOutErasures(dataDir: string, onProgress: OnProgress): Promise<EraseReport> {
  const { env, log, close } = openWriteSide(dataDir, { onProgress, onFailure: () => {} });
  const report = { events: 0, sessions: 0, chunks: 0 };
  try {
    for (const erasure of pendingErasures(dataDir)) {
      const erased = eraseRows(env, log, erasure);
      report.events += erased.events;
      report.sessions += erased.sessions;
      report.chunks += erased.chunks;
    }
    await foldAhead(env, log, onProgress);
  } finally {
    await close();
  }
  removeWal(dataDir);
  const sizes = await compactStore(dataDir, () => {});
  erasuresDone(dataDir);
  return { ...report, ...sizes };
}

/** What a store holds of a user. */
interface Traces {
  user: number;
  batches: RecordBatch[];
  sessions: Map<string, { app: number; session: string }>;
  /** Numbers of the names that only the user's events have. */
  names: Set<number>;
  /** Whether apps from which the user is not erased have events of the user. */
  isKnownElsewhere: boolean;
}

function eraseRows(env: Env, log: Log, erasure: Erasure) {
  const traces = findTraces(log, erasure);
  if (traces === undefined) return { events: 0, sessions: 0, chunks: 0 };
  const chunks = dropChunks(env, traces);
  forgetViews(env, log);
  const { log: byTime, offsets, dictionary } = log.tables;
  for (let at = 0; at < traces.batches.length; at += DELETE_BATCHES) {
    env.transaction(() => {
      for (const { lastTs, offset } of traces.batches.slice(at, at + DELETE_BATCHES)) {
        byTime.remove(timeKey(lastTs, offset));
        offsets.remove(u48(offset));
      }
    });
  }
  env.transaction(() => {
    if (!traces.isKnownElsewhere) forgetText(dictionary, 'user', erasure.user, traces.user);
    for (const name of traces.names)
      forgetText(dictionary, 'name', log.dictionaries.text('name', name), name);
  });
  const events = traces.batches.reduce((sum, batch) => sum + batch.ts.length, 0);
  return { events, sessions: traces.sessions.size, chunks };
}

/** Reads every batch there is, those below the fence too. */
function findTraces(log: Log, erasure: Erasure): Traces | undefined {
  const user = log.dictionaries.number('user', erasure.user);
  if (user === undefined) return undefined;
  const app = erasure.app === undefined ? undefined : log.dictionaries.number('app', erasure.app);
  if (erasure.app !== undefined && app === undefined) return undefined;
  const traces: Traces = {
    user,
    batches: [],
    sessions: new Map(),
    names: new Set(),
    isKnownElsewhere: false,
  };
  const othersNames = new Set<number>();
  for (const { key, value } of log.tables.offsets.range({})) {
    const batch = log.batch({ lastTs: readU48(value, 0), offset: readU48(key, 0) });
    const isErased = batch.user === user && (app === undefined || batch.app === app);
    for (const name of batch.names) (isErased ? traces.names : othersNames).add(name);
    if (isErased) {
      traces.batches.push(batch);
      const { app, session } = batch;
      traces.sessions.set(`${app} ${session}`, { app, session });
    } else if (batch.user === user) traces.isKnownElsewhere = true;
  }
  for (const name of othersNames) traces.names.delete(name);
  return traces;
}

/** Drops the sessions' chunks, also of sessions with other users: a recording may show the user. */
function dropChunks(env: Env, { sessions }: Traces): number {
  const manifest = openManifest(env);
  let dropped = 0;
  for (const { app, session } of sessions.values()) {
    let files: string[] = [];
    env.transaction(() => {
      files = manifest.dropSession(app, session);
    });
    for (const fileId of files) rmSync(chunkPath(env.dataDir, fileId), { force: true });
    dropped += files.length;
  }
  return dropped;
}
