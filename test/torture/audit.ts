/** Holds a store against what its clients know: nothing acknowledged is lost, nothing is there twice, everything agrees. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { onStore } from '../../src/cli/on-store.js';
import { openLog } from '../../src/log/batches/log.js';
import { openEnv } from '../../src/log/file/env.js';
import { chunkFilesIn, chunkPath } from '../../src/replay/files.js';
import { openManifest } from '../../src/replay/manifest.js';
import { exportStore } from '../../src/store/offline/export-store.js';
import { verifyStore } from '../../src/store/offline/verify.js';
import { openLmdbStore } from '../../src/store/open-in-process.js';
import { APP } from '../support/collector.js';
import { GOING_EVENTS, type Ledger, type SentBatch } from './mixed-load.js';

const POLL_MS = 30;
/** A hang is a failure; a slow machine is not. */
const SETTLE_MS_MAX = 60_000;

/** What a store holds, as far as clients can know of it. */
export interface Holdings {
  head: number;
  /** Unix ms: what is older is gone. */
  fence: number;
  /** By name, for every name there is. */
  ids: Map<string, number>;
  /** Text of each chunk, by session and number. */
  chunks: Map<string, string>;
}

/** Looks at a store that takes nothing in: at a copy that its collector makes, or at the store itself where none runs. */
const lookAt = <T>(dataDir: string, look: (folder: string) => Promise<T>): Promise<T> =>
  onStore(
    dataDir,
    { command: 'verify' },
    'events',
    (collector) => collector.withCopy(look),
    () => look(dataDir),
  );

/** Reads such a store. Throws where its parts do not agree. */
export const holdingsOf = (dataDir: string): Promise<Holdings> => lookAt(dataDir, readHoldings);

async function readHoldings(dataDir: string): Promise<Holdings> {
  const ids = new Map<string, number>();
  let head = 0;
  for await (const page of exportStore(dataDir, 0, ({ total }) => {
    head = total;
  })) {
    for (const line of page.split('\n')) {
      if (!line.startsWith('{"id":')) continue;
      const { id, name } = JSON.parse(line) as { id: number; name: string };
      assert.ok(!ids.has(name), `${name} is there twice, as ${ids.get(name)} and ${id}`);
      ids.set(name, id);
    }
  }
  const env = openEnv(dataDir, { mode: 'read' });
  try {
    const log = openLog(env);
    const manifest = openManifest(env);
    const named = Array.from(manifest.all(), ({ chunk }) => chunk.fileId).sort();
    assert.deepEqual([...chunkFilesIn(dataDir)].sort(), named, 'chunk files and manifest agree');
    return { head, fence: log.fence(), ids, chunks: chunksOf() };

    function chunksOf(): Map<string, string> {
      const app = log.dictionaries.number('app', APP) ?? 0;
      const sessions = new Set(
        Array.from(env.table('chunks').keys({}), (key) => key.toString('utf8', 4, key.length - 4)),
      );
      const texts = new Map<string, string>();
      for (const session of sessions) {
        for (const { seq, fileId } of manifest.after(app, session, 0)) {
          const [text] = JSON.parse(gunzipSync(readFileSync(chunkPath(dataDir, fileId))).toString('utf8'));
          texts.set(`${session}/${seq}`, text);
        }
      }
      return texts;
    }
  } finally {
    await env.close();
  }
}

/** Throws unless every view is what a rebuild makes it; a sweep or a fold that is under way is waited for. */
export async function assertWhole(dataDir: string): Promise<void> {
  const end = Date.now() + SETTLE_MS_MAX;
  for (;;) {
    const { problem, isUnfinished } = await lookAt(dataDir, (folder) => verifyStore(folder, () => {}));
    if (problem === undefined) return;
    assert.ok(isUnfinished && Date.now() < end, problem);
    await sleep(POLL_MS);
  }
}

/** Throws an assertion error that names what is not as the clients know it. */
export function assertKept(holdings: Holdings, ledger: Ledger): void {
  const { head, fence, ids, chunks } = holdings;
  const isErased = ({ user }: SentBatch) => ledger.erasures.get(user) === 'done';
  const mayBeErased = ({ user }: SentBatch) => ledger.erasures.has(user);
  const known = new Set<string>();
  let goneMax = 0;
  for (const batch of [...ledger.kept, ...ledger.passing, ...ledger.leaving]) {
    const { names, isAcknowledged, ts } = batch;
    for (const name of names) known.add(name);
    const isThere = isWholeOrAbsent(names, ids);
    const isGone = ts < fence || isErased(batch);
    assert.ok(!(isThere && isGone), `${names[0]} was swept or erased and is there`);
    if (isAcknowledged && !isGone && !mayBeErased(batch))
      assert.ok(isThere, `${names[0]} was acknowledged and is not there`);
    if (!isThere && (isGone || mayBeErased(batch))) goneMax += names.length;
  }
  for (const name of ids.keys()) assert.ok(known.has(name), `${name} was never sent`);
  const gone = goneIds([...ids.values()], head);
  assert.ok(gone <= goneMax, `${gone} ids are missing, and no more than ${goneMax} events may have gone`);
  assertChunks(chunks, ledger);
}

/** Whether a batch is there, in one piece and in its order; throws where it is there in part. */
function isWholeOrAbsent(names: readonly string[], ids: ReadonlyMap<string, number>): boolean {
  const first = ids.get(names[0] ?? '');
  for (const [index, name] of names.entries()) {
    const expected = first === undefined ? undefined : first + index;
    assert.equal(ids.get(name), expected, `${name} stands where its batch does`);
  }
  return first !== undefined;
}

/** How many ids up to the head are not there; throws where a hole is none that whole batches leave. */
function goneIds(ids: readonly number[], head: number): number {
  let gone = 0;
  let last = 0;
  for (const id of [...ids.toSorted((a, b) => a - b), head + 1]) {
    const hole = id - last - 1;
    assert.equal(hole % GOING_EVENTS, 0, `the ids ${last + 1} to ${id - 1} are missing`);
    gone += hole;
    last = id;
  }
  return gone;
}

function assertChunks(chunks: ReadonlyMap<string, string>, ledger: Ledger): void {
  const known = new Set<string>();
  for (const { session, seq, acknowledged, underWay } of ledger.chunks) {
    const place = `${session}/${seq}`;
    known.add(place);
    const text = chunks.get(place);
    const erasure = ledger.erasures.get(session);
    if (erasure === 'done') assert.equal(text, undefined, `the chunk ${place} was erased`);
    else if (text === undefined)
      assert.ok(acknowledged === undefined || erasure !== undefined, `the chunk ${place} is lost`);
    else assert.ok([acknowledged, underWay].includes(text), `the chunk ${place} is not what was sent last`);
  }
  for (const place of chunks.keys()) assert.ok(known.has(place), `the chunk ${place} was never sent`);
}

/** Does what a collector that starts on a backup would: goes on with a fold or a sweep that was under way. */
async function finish(dataDir: string): Promise<void> {
  if (!(await verifyStore(dataDir, () => {})).isUnfinished) return;
  const store = await openLmdbStore({ dataDir });
  await store.sweep({});
  await store.close();
}

/** Throws unless a backup that began after `before` was acknowledged is whole and holds it. */
export async function assertBackup(target: string, before: readonly SentBatch[]): Promise<Holdings> {
  await finish(target);
  await assertWhole(target);
  const holdings = await holdingsOf(target);
  for (const { names } of before)
    assert.ok(isWholeOrAbsent(names, holdings.ids), `${names[0]} was acknowledged before the backup began`);
  return holdings;
}
