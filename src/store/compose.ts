/** The `Store` port made of a write side, a read side and the chunk files, wherever the two sides live. */
import type { ChunkFiles } from '../replay/files.js';
import type { Chunk } from '../replay/manifest.js';
import { type AppendResult, type Store, StoreFailed, type StoreStats } from './port.js';
import type { ReadSide, WriteSide } from './sides.js';

/** The same functions, answering later. */
export type Later<T> = {
  [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never;
};

export interface Sides {
  write: Later<
    Pick<WriteSide, 'commit' | 'appNumber' | 'putChunkRow' | 'dropExpiredChunks' | 'sweepEvents' | 'stats'>
  >;
  read: Later<ReadSide>;
  files: ChunkFiles;
  queue: () => Pick<StoreStats, 'queue_requests' | 'queue_bytes'>;
  onCommit: Store['onCommit'];
  failed: Promise<Error>;
  now: () => number;
  close: () => Promise<void>;
}

export function composeStore(sides: Sides): Store {
  const { write, read, files } = sides;
  return {
    async append(batches) {
      const settled = await write.commit(batches);
      return settled.map(
        (one): PromiseSettledResult<AppendResult> =>
          'error' in one
            ? { status: 'rejected', reason: one.error }
            : { status: 'fulfilled', value: one.result },
      );
    },
    events: read.events,
    event: read.event,
    sessionWindow: read.sessionWindow,
    tail: read.tail,
    users: read.users,
    sessions: read.sessions,
    funnel: read.funnel,
    aggregates: read.aggregates,
    names: read.names,
    errorGroups: read.errorGroups,
    occurrences: read.occurrences,
    neighbours: read.neighbours,
    activity: read.activity,
    sessionApps: read.sessionApps,
    async putChunk({ app, session, seq, ts, receivedAt, bytes }) {
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
    },
    async chunks(app, session) {
      const rows = await read.chunkRows(app, session);
      return rows.map(({ seq, ts, sizeBytes, receivedAt }) => ({
        seq,
        ...(ts === undefined ? {} : { ts }),
        size_bytes: sizeBytes,
        received_at: receivedAt,
      }));
    },
    async chunk(app, session, seq) {
      const row = await read.chunkRow(app, session, seq);
      if (!row) return undefined;
      const bytes = await files.read(row.fileId);
      if (bytes) return { bytes, etag: row.fileId };
      // Replaced or expired between the two steps; or lost, which the manifest still promising it gives away.
      const again = await read.chunkRow(app, session, seq);
      if (!again) return undefined;
      const replacement = await files.read(again.fileId);
      if (!replacement) throw new Error(`the file of chunk ${seq} is missing: run spyglass verify`);
      return { bytes: replacement, etag: again.fileId };
    },
    async sweep({ eventsBefore, replaysBefore }) {
      // Without a new bound too: a sweep cut off before goes on, and expired batch_ids are forgotten.
      const events = await write.sweepEvents(eventsBefore ?? 0, sides.now());
      let chunks = 0;
      while (replaysBefore !== undefined) {
        const dropped = await write.dropExpiredChunks(replaysBefore);
        if (dropped.length === 0) break;
        chunks += dropped.length;
        for (const fileId of dropped) await files.remove(fileId);
      }
      return { events, chunks };
    },
    async stats() {
      return { ...(await write.stats()), ...sides.queue() };
    },
    onCommit: sides.onCommit,
    failed: sides.failed,
    close: sides.close,
  };
}
