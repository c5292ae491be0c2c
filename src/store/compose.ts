/** The `Store` port made of a write side, a read side and the chunk files, wherever the two sides live. */
import type { Ask, Found, QuestionName } from '../questions/index.js';
import type { ChunkFiles } from '../replay/files.js';
import type { Chunk } from '../replay/manifest.js';
import { type NewChunk, type Store, StoreFailed, type StoreStats, type SweepCutoffs } from './port.js';
import type { ReadSide, WriteSide } from './sides.js';

/** The same functions, answering later. */
export type Later<T> = {
  [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never;
};

/** A read side on another thread, or asked as if it were. */
export type LaterReads = Later<Omit<ReadSide, 'ask'>> & {
  ask<K extends QuestionName>(kind: K, ask: Ask<K>): Promise<Found<K>>;
};

export interface Sides {
  write: Later<Pick<WriteSide, 'appNumber' | 'putChunkRow' | 'dropExpiredChunks' | 'sweepEvents' | 'stats'>>;
  read: LaterReads;
  files: ChunkFiles;
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
    tail: read.tail,
    sessionApps: read.sessionApps,
    putChunk: (chunk) => putChunk(sides, chunk),
    chunk: (app, session, seq) => readChunk(sides, app, session, seq),
    sweep: (cutoffs) => sweep(sides, cutoffs),
    stats: async () => ({ ...(await write.stats()), ...sides.queue() }),
    onCommit: sides.onCommit,
    failed: sides.failed,
    close: sides.close,
  };
}

async function putChunk(
  { write, files }: Sides,
  { app, session, seq, ts, receivedAt, bytes }: NewChunk,
): Promise<void> {
  const fileId = await files.write(bytes);
  const chunk: Chunk = {
    seq,
    receivedAt,
    sizeBytes: bytes.byteLength,
    fileId,
    ...(ts === undefined ? {} : { ts }),
  };
  let replaced: string | undefined;
  try {
    replaced = await write.putChunkRow(await write.appNumber(app), session, chunk);
  } catch (error) {
    // After a failed commit nobody knows whether the row is there; the next start does.
    if (!(error instanceof StoreFailed)) await files.remove(fileId);
    throw error;
  }
  if (replaced) await files.remove(replaced);
}

const readChunk: (sides: Sides, ...place: Parameters<Store['chunk']>) => ReturnType<Store['chunk']> = async (
  { read, files },
  ...place
) => {
  const row = await read.chunkRow(...place);
  if (!row) return undefined;
  const bytes = await files.read(row.fileId);
  if (bytes) return { bytes, etag: row.fileId };
  // Replaced or expired between the two steps; or lost, if the manifest still names it.
  const again = await read.chunkRow(...place);
  if (!again) return undefined;
  const replacement = await files.read(again.fileId);
  if (!replacement) throw new Error(`the file of chunk ${row.seq} is missing: run spyglass verify`);
  return { bytes: replacement, etag: again.fileId };
};

async function sweep({ write, files, now }: Sides, { eventsBefore, replaysBefore }: SweepCutoffs) {
  // Without a new bound too: a sweep that was cut off goes on, and expired batch_ids are forgotten.
  const events = await write.sweepEvents(eventsBefore ?? 0, now());
  let chunks = 0;
  while (replaysBefore !== undefined) {
    const dropped = await write.dropExpiredChunks(replaysBefore);
    if (dropped.length === 0) break;
    chunks += dropped.length;
    for (const fileId of dropped) await files.remove(fileId);
  }
  return { events, chunks };
}
