/** Replay chunks in the engine: a row each, its bytes as base64; uploaded again, a row with a greater version. */
import type { ChunkRow } from '../questions/replay.js';
import type { NewChunk, StoredChunk } from '../store/port.js';
import type { Engine } from './connect.js';
import type { IdSource } from './ids.js';

export interface Chunks {
  put(chunk: NewChunk): Promise<void>;
  list(app: string, session: string): Promise<ChunkRow[]>;
  get(app: string, session: string, seq: number): Promise<StoredChunk | undefined>;
}

export function openChunks(engine: Engine, versions: IdSource): Chunks {
  return {
    async put({ app, session, seq, ts, receivedAt, bytes }) {
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
    async list(app, session) {
      const rows = await engine.query<{
        seq: number;
        at: number;
        timed: number;
        received: number;
        bytes: number;
      }>(
        `SELECT seq, argMax(ifNull(ts, 0), version) AS at, argMax(isNotNull(ts), version) AS timed,
           argMax(received_at, version) AS received, argMax(size, version) AS bytes
         FROM chunks WHERE app = {app:String} AND session_id = {session:String} GROUP BY seq ORDER BY seq`,
        { app, session },
      );
      return rows.map(({ seq, at, timed, received, bytes }) => ({
        seq: Number(seq),
        ...(timed ? { ts: Number(at) } : {}),
        size_bytes: Number(bytes),
        received_at: Number(received),
      }));
    },
    async get(app, session, seq) {
      const [row] = await engine.query<{ version: number; bytes: string }>(
        `SELECT version, bytes FROM chunks
         WHERE app = {app:String} AND session_id = {session:String} AND seq = {seq:UInt32} ORDER BY version DESC LIMIT 1`,
        { app, session, seq },
      );
      return row && { bytes: Buffer.from(row.bytes, 'base64'), etag: Number(row.version).toString(36) };
    },
  };
}
