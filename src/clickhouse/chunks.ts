/** Replay chunks: a row each, with the bytes as base64; a repeated upload is a row of a greater version. */
import type { ChunkRow } from '../questions/replay.js';
import type { NewChunk, StoredChunk } from '../store/port.js';
import type { Engine } from './connect.js';
import type { IdSource } from './ids.js';

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
    async list(app: string, session: string): Promise<ChunkRow[]> {
      const rows = await engine.query<Record<'seq' | 'at' | 'timed' | 'received' | 'bytes', number>>(
        `SELECT seq, argMax(ifNull(ts, 0), version) AS at, argMax(isNotNull(ts), version) AS timed,
           argMax(received_at, version) AS received, argMax(size, version) AS bytes
         FROM chunks WHERE app = {app:String} AND session_id = {session:String} GROUP BY seq ORDER BY seq`,
        { app, session },
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
      );
      return row && { bytes: Buffer.from(row.bytes, 'base64'), etag: row.version.toString(36) };
    },
  };
}
