/** Replay chunks: a row each, with the bytes as base64; a repeated upload is a row of a greater version. */
import type { ChunkRow } from '../questions/replay.js';
import type { NewChunk, StoredChunk } from '../store/port.js';
import type { Engine } from './connect.js';
import type { IdSource } from './ids.js';

/** Greater than every `seq`. */
const SEQ_END = 2 ** 32 - 1;

export type Chunks = ReturnType<typeof openChunks>;

export function openChunks(engine: Engine, versions: IdSource) {
  return {
    async put({ app, session, seq, ts, receivedAt, bytes }: NewChunk): Promise<void> {
      const [version] = versions.take(1);
      const row = {
        app,
        session_id: session,
        seq,
        version,
        ts: ts ?? null,
        received_at: receivedAt,
        size: bytes.byteLength,
        bytes: Buffer.from(bytes).toString('base64'),
      };
      await engine.insert('chunks', [row]);
    },
    /** The chunks with a `seq` over `after`, or below `before`, the nearest `limit` of them. */
    async page(
      app: string,
      session: string,
      { after = 0, before = SEQ_END, limit }: { after?: number; before?: number; limit: number },
    ): Promise<ChunkRow[]> {
      const rows = await engine.query<Record<'seq' | 'at' | 'timed' | 'received' | 'bytes', number>>(
        `SELECT seq, argMax(ifNull(ts, 0), version) AS at, argMax(isNotNull(ts), version) AS timed,
           argMax(received_at, version) AS received, argMax(size, version) AS bytes
         FROM chunks WHERE app = {app:String} AND session_id = {session:String}
           AND seq > {after:UInt32} AND seq < {before:UInt32}
         GROUP BY seq ORDER BY seq ${before === SEQ_END ? 'ASC' : 'DESC'} LIMIT {limit:UInt32}`,
        { app, session, after, before, limit },
      );
      return rows.map(({ seq, at, timed, received, bytes }) => ({
        seq,
        ...(timed ? { ts: at } : {}),
        size_bytes: bytes,
        received_at: received,
      }));
    },
    async get(app: string, session: string, seq: number): Promise<StoredChunk | undefined> {
      const [row] = await engine.query<{ version: number; bytes: string }>(
        `SELECT version, bytes FROM chunks
         WHERE app = {app:String} AND session_id = {session:String} AND seq = {seq:UInt32} ORDER BY version DESC LIMIT 1`,
        { app, session, seq },
        { max_result_bytes: '0' },
      );
      return row && { bytes: Buffer.from(row.bytes, 'base64'), etag: row.version.toString(36) };
    },
  };
}
