/**
 * Erasure: removes users from a closed store: their events, the replays of their sessions, and all texts only
 * they had. Its steps, each harmless when done again after a crash:
 *   1. the WAL is applied, and the views are given up; 2. the log is read once: the user's batches go, some at
 *   a time, each with the chunks of its session; 3. texts that no event uses are deleted; 4. views are
 *   folded anew; 5. the data file is rewritten, the WAL removed; 6. the request for the erasure goes.
 * Memory does not grow with what a user has. Numbers of users and names are never given again.
 */
import { rmSync } from 'node:fs';
import { forgetText, textsFrom } from '../../log/batches/dictionaries.js';
import type { Log } from '../../log/batches/log.js';
import type { RecordBatch } from '../../log/batches/record-batch.js';
import { type Env, openEnv } from '../../log/file/env.js';
import { readU48, timeKey, u48 } from '../../log/file/keys.js';
import { removeWal } from '../../log/wal/wal.js';
import { forgetViews } from '../../projections/rebuild.js';
import { chunkPath } from '../../replay/files.js';
import { type Manifest, openManifest } from '../../replay/manifest.js';
import type { EraseReport, Erasure, OnProgress } from '../port.js';
import { openWriteSide } from '../sides.js';
import { foldAhead } from '../threads/folding-ahead.js';
import { compactStore } from './compact.js';
import { askForErasure, beginErasure, erasureDone, removeForGood, removeLeftovers } from './erasures.js';
import { makeWorkFolder } from './work-folder.js';

/** Batches or texts deleted in one transaction. */
const DELETE_ROWS = 1_024;

/** Erases a user; the caller has the writer lock, and nobody has the store open. Throws `StoreUnusable`. */
export async function eraseUser(dataDir: string, erasure: Erasure, onProgress: OnProgress) {
  askForErasure(dataDir, erasure);
  // The copies that commands asked for hold the user too.
  removeLeftovers(dataDir);
  return carryOutErasure(dataDir, erasure, onProgress);
}

/**
 * Carries out one erasure that was asked for, by itself: one that fails keeps no other from being done. The caller
 * has the writer lock, and nobody has the store open.
 */
export async function carryOutErasure(
  dataDir: string,
  erasure: Erasure,
  onProgress: OnProgress,
): Promise<EraseReport> {
  beginErasure(dataDir, erasure);
  const erased = await eraseFromTables(dataDir, erasure, onProgress);
  removeWal(dataDir);
  const sizes = await compactStore(dataDir, () => {});
  erasureDone(dataDir, erasure);
  return { ...erased, ...sizes };
}

async function eraseFromTables(dataDir: string, erasure: Erasure, onProgress: OnProgress) {
  // Views that are behind are folded once, without the user.
  const { env, log, close } = openWriteSide(dataDir, { onProgress, onFailure: () => {}, views: 'later' });
  try {
    const erased = await withSessions(dataDir, (sessions) => eraseRows(env, log, erasure, sessions));
    await foldAhead(env, log, onProgress);
    return erased;
  } finally {
    await close();
  }
}

/** What an erasure needs to know of a batch of the user. */
type Found = Pick<RecordBatch, 'app' | 'session' | 'lastTs' | 'offset' | 'count'>;

/** The sessions met so far, in a throw-away file: a user may have millions. */
interface Sessions {
  add(batches: readonly Found[]): void;
  count(): number;
}

async function withSessions<T>(dataDir: string, work: (sessions: Sessions) => T): Promise<T> {
  const folder = makeWorkFolder(dataDir);
  const env = openEnv(folder, { mode: 'scratch' });
  try {
    const table = env.table('sessions');
    return work({
      add: (batches) =>
        env.transaction(() => {
          for (const { app, session } of batches) table.put(Buffer.from(`${app} ${session}`), PRESENT);
        }),
      count: table.entryCount,
    });
  } finally {
    await env.close();
    // It names the user's sessions.
    removeForGood(folder);
  }
}

const PRESENT = Buffer.from([0]);

function eraseRows(env: Env, log: Log, erasure: Erasure, sessions: Sessions) {
  const user = log.dictionaries.number('user', erasure.user);
  const app = erasure.app === undefined ? undefined : log.dictionaries.number('app', erasure.app);
  if (user === undefined || (erasure.app !== undefined && app === undefined))
    return { events: 0, sessions: 0, chunks: 0 };
  forgetViews(env, log);
  const kept = openKept(log, user);
  const manifest = openManifest(env);
  const erased = { events: 0, chunks: 0 };
  const remove = (batches: readonly Found[]): void => {
    erased.chunks += dropChunks(env, manifest, batches);
    env.transaction(() => {
      for (const { lastTs, offset } of batches) {
        log.tables.log.remove(timeKey(lastTs, offset));
        log.tables.offsets.remove(u48(offset));
      }
    });
    sessions.add(batches);
    for (const { count } of batches) erased.events += count;
  };
  const isErased = (batch: RecordBatch) => batch.user === user && (app === undefined || batch.app === app);
  for (let from = 0; from <= log.head(); ) {
    const { found, next } = findBatches(log, from, isErased, kept.add);
    if (found.length > 0) remove(found);
    from = next;
    // A snapshot that is held keeps LMDB from using the pages again that went.
    env.renewSnapshot();
  }
  forgetNames(env, log, kept.hasName);
  if (!kept.hasUser()) env.transaction(() => forgetText(log.tables.dictionary, 'user', erasure.user, user));
  return { ...erased, sessions: sessions.count() };
}

/**
 * Drops the chunks of batches' sessions, also of sessions with other users: a recording may show the user.
 * Returns how many.
 */
function dropChunks(env: Env, manifest: Manifest, batches: readonly Found[]): number {
  const left = batches.filter(({ app, session }) => manifest.count(app, session) > 0);
  let dropped = 0;
  while (left.length > 0) {
    const files: string[] = [];
    env.transaction(() => {
      for (let next = left.at(-1); next && files.length < DELETE_ROWS; next = left.at(-1)) {
        files.push(...manifest.dropSession(next.app, next.session, DELETE_ROWS));
        if (manifest.count(next.app, next.session) === 0) left.pop();
      }
    });
    for (const fileId of files) rmSync(chunkPath(env.dataDir, fileId), { force: true });
    dropped += files.length;
  }
  return dropped;
}

/** What is still in use by batches that stay: a bit a name, and the user. */
function openKept(log: Log, user: number) {
  const names = new Uint8Array(Math.ceil(log.counters().name / 8));
  let hasUser = false;
  return {
    add(batch: RecordBatch): void {
      for (const name of batch.names) names[name >>> 3] = (names[name >>> 3] as number) | (1 << (name & 7));
      hasUser ||= batch.user === user;
    },
    hasName: (name: number): boolean => (((names[name >>> 3] ?? 0) >>> (name & 7)) & 1) === 1,
    hasUser: () => hasUser,
  };
}

/** Reads from an id on, below the fence too, until so many batches are found; `keep` gets the others. */
function findBatches(
  log: Log,
  from: number,
  isWanted: (batch: RecordBatch) => boolean,
  keep: (batch: RecordBatch) => void,
): { found: Found[]; next: number } {
  const found: Found[] = [];
  for (const { key, value } of log.tables.offsets.range({ start: u48(from) })) {
    const batch = log.batch({ lastTs: readU48(value, 0), offset: readU48(key, 0) });
    const { app, session, lastTs, offset, count } = batch;
    if (isWanted(batch)) found.push({ app, session, lastTs, offset, count });
    else keep(batch);
    if (found.length === DELETE_ROWS) return { found, next: offset + 1 };
  }
  return { found, next: log.head() + 1 };
}

/** Forgets the names that no event has: also those of batches that went before a crash. */
function forgetNames(env: Env, log: Log, isKept: (name: number) => boolean): void {
  const { dictionary } = log.tables;
  const end = log.counters().name;
  for (let start = 0; start < end; start += DELETE_ROWS) {
    const names = [...textsFrom(dictionary, 'name', start, Math.min(end, start + DELETE_ROWS))];
    const unused = names.filter(({ number }) => !isKept(number));
    if (unused.length === 0) continue;
    env.transaction(() => {
      for (const { number, text } of unused) forgetText(dictionary, 'name', text, number);
    });
  }
}
