/** Makes the `Store` port of a write side, a read side and the chunk files, on any threads. */
import { DAY_MS } from '../domain/limits.js';
import type { ChunkFiles } from '../replay/files.js';
import {
  type NewChunk,
  type ReadFor,
  type Store,
  StoreFailed,
  type StoreStats,
  type SweepCutoffs,
} from './port.js';
import type { ReadSide, WriteSide } from './sides.js';

/** The same functions, asynchronous. */
export type Later<T> = {
  [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never;
};

export interface LaterReads
  extends Later<Pick<ReadSide, 'exportPage'>>,
    Pick<Store, 'ask' | 'answer' | 'tail' | 'sessionApps'> {
  chunkRow(
    app: string,
    session: string,
    seq: number,
    whom?: ReadFor,
  ): Promise<ReturnType<ReadSide['chunkRow']>>;
}

type WriteCall =
  | 'appNumber'
  | 'putChunkRow'
  | 'dropExpiredChunks'
  | 'sweepEvents'
  | 'timeEvidence'
  | 'noteTime'
  | 'stats';

export interface Sides {
  write: Later<Pick<WriteSide, WriteCall>>;
  read: LaterReads;
  files: ChunkFiles;
  reads: Store['reads'];
  queue: () => Pick<StoreStats, 'queue_requests' | 'queue_bytes'>;
  onCommit: Store['onCommit'];
  failed: Promise<Error>;
  now: () => number;
  close: () => Promise<void>;
}

export function composeStore(sides: Sides): Store {
  const { write, read } = sides;
  return {
    ask: read.ask,
    answer: read.answer,
    tail: read.tail,
    sessionApps: read.sessionApps,
    putChunk: (chunk) => putChunk(sides, chunk),
    chunk: (...args) => readChunk(sides, ...args),
    sweep: (cutoffs) => sweep(sides, cutoffs),
    timeEvidence: write.timeEvidence,
    noteTime: write.noteTime,
    reads: sides.reads,
    stats: async () => ({ ...(await write.stats()), ...sides.queue() }),
    onCommit: sides.onCommit,
    failed: sides.failed,
    close: sides.close,
  };
}

async function putChunk({ write, files }: Sides, { app, session, bytes, ...row }: NewChunk): Promise<void> {
  const fileId = await files.write(bytes);
  const chunk = { ...row, sizeBytes: bytes.byteLength, fileId };
  let replaced: string | undefined;
  try {
    replaced = await write.putChunkRow(await write.appNumber(app), session, chunk);
  } catch (error) {
    // After a failed commit the row may exist; the next start removes orphaned files.
    if (!(error instanceof StoreFailed)) await files.remove(fileId);
    throw error;
  }
  if (replaced) await files.remove(replaced);
}

async function readChunk({ read, files }: Sides, ...[app, session, seq, whom]: Parameters<Store['chunk']>) {
  // Twice, since the chunk may be replaced or expire between the two steps.
  for (let attempt = 0; attempt < 2; attempt++) {
    const row = await read.chunkRow(app, session, seq, whom);
    if (!row) return undefined;
    const bytes = await files.read(row.fileId);
    if (bytes) return { bytes, etag: row.fileId };
  }
  throw new Error(`the file of chunk ${seq} is missing: run spyglass verify`);
}

/** No retention is shorter than a whole day. */
const greatestFence = (now = Number.POSITIVE_INFINITY): number =>
  Math.max(0, now - (now % DAY_MS || 0) - DAY_MS);

async function sweep({ write, files, now }: Sides, cutoffs: SweepCutoffs) {
  const { eventsBefore, replaysBefore } = cutoffs;
  // Even without a cutoff: this continues an interrupted sweep, and forgets expired batch_ids.
  const events = await write.sweepEvents(eventsBefore ?? 0, cutoffs.now ?? now(), greatestFence(cutoffs.now));
  let chunks = 0;
  while (replaysBefore !== undefined) {
    const dropped = await write.dropExpiredChunks(replaysBefore);
    if (dropped.length === 0) break;
    chunks += dropped.length;
    for (const fileId of dropped) await files.remove(fileId);
  }
  return { events, chunks };
}
