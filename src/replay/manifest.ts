/**
 * The manifest: which chunks each session has, and which file holds each.
 *
 * `chunks`: `[app u16][bytes u16][session utf8][seq u32]` → `[received u48][size u32][file id 16 bytes]`, then `[ts u48]` where
 * the upload named one. `chunk_counts`: `[app u16][session utf8]` → u32. `chunk_files`: `[file id]` → the chunk's key.
 * `chunk_expiry`: `[received u48][file id]` → the chunk's key.
 */
import { CHUNK_SEQ_MAX } from '../domain/limits.js';
import type { Env } from '../log/file/env.js';
import { packKey, prefixEnd, readU48, u48 } from '../log/file/keys.js';

export const FILE_ID_BYTES = 16;
const TS_AT = 10 + FILE_ID_BYTES;

export interface Chunk {
  seq: number;
  ts?: number;
  receivedAt: number;
  sizeBytes: number;
  /** Hex; names the chunk's immutable file. */
  fileId: string;
}

export interface Manifest {
  count(app: number, session: string): number;
  /** Ascending by `seq`. */
  list(app: number, session: string): Chunk[];
  get(app: number, session: string, seq: number): Chunk | undefined;
  holdsFile(fileId: string): boolean;
  /** The chunk a file that the manifest names is of. */
  placeOf(fileId: string): { app: number; session: string; seq: number };
  /** How many chunks there are, and their bytes: counted through at the first call, kept from then on. */
  totals(): { chunks: number; bytes: number };
  /** Every file the manifest names. */
  files(): Generator<{ fileId: string; sizeBytes: number }>;
  /** Every chunk, by app and session. */
  all(): Generator<{ app: number; session: string; chunk: Chunk }>;
  /** Inside a transaction; returns the file it replaced, to be removed once that is durable. */
  put(app: number, session: string, chunk: Chunk): string | undefined;
  /** Inside a transaction: drops every chunk of a session; returns their files, to be removed. */
  dropSession(app: number, session: string): string[];
  /** Inside a transaction: drops up to `limit` chunks received before `before`; returns their files, to be removed. */
  dropExpired(before: number, limit: number): string[];
}

function sessionKey(app: number, session: string): Buffer {
  const bytes = Buffer.from(session, 'utf8');
  return packKey(
    [
      [app, 2],
      [bytes.length, 2],
    ],
    bytes,
  );
}

const chunkKey = (app: number, session: string, seq: number): Buffer =>
  Buffer.concat([sessionKey(app, session), packKey([[seq, 4]])]);

function pack(chunk: Chunk): Buffer {
  const head = packKey([
    [chunk.receivedAt, 6],
    [chunk.sizeBytes, 4],
  ]);
  return Buffer.concat([
    head,
    Buffer.from(chunk.fileId, 'hex'),
    ...(chunk.ts === undefined ? [] : [u48(chunk.ts)]),
  ]);
}

const sizeOf = (value: Buffer): number => value.readUInt32BE(6);

const unpack = (key: Buffer, value: Buffer): Chunk => ({
  seq: key.readUInt32BE(key.length - 4),
  receivedAt: readU48(value, 0),
  sizeBytes: sizeOf(value),
  fileId: value.toString('hex', 10, TS_AT),
  ...(value.length > TS_AT ? { ts: readU48(value, TS_AT) } : {}),
});

export function openManifest(env: Env): Manifest {
  const chunks = env.table('chunks');
  const counts = env.table('chunk_counts');
  const files = env.table('chunk_files');
  const expiry = env.table('chunk_expiry');

  const countKey = (app: number, session: string): Buffer =>
    packKey([[app, 2]], Buffer.from(session, 'utf8'));
  const count = (app: number, session: string): number =>
    counts.get(countKey(app, session))?.readUInt32BE(0) ?? 0;
  const expiryKey = (chunk: Chunk): Buffer =>
    Buffer.concat([u48(chunk.receivedAt), Buffer.from(chunk.fileId, 'hex')]);

  const setCount = (app: number, session: string, value: number): void => {
    if (value === 0) counts.remove(countKey(app, session));
    else counts.put(countKey(app, session), packKey([[value, 4]]));
  };

  let totals: { chunks: number; bytes: number } | undefined;
  const noteTotals = (chunks: number, bytes: number): void => {
    if (totals) totals = { chunks: totals.chunks + chunks, bytes: totals.bytes + bytes };
  };

  const forgetFile = (chunk: Chunk): void => {
    expiry.remove(expiryKey(chunk));
    files.remove(Buffer.from(chunk.fileId, 'hex'));
  };

  return {
    count,
    list(app, session) {
      const start = sessionKey(app, session);
      return Array.from(chunks.range({ start, end: prefixEnd(start) }), ({ key, value }) =>
        unpack(key, value),
      );
    },
    get(app, session, seq) {
      if (seq > CHUNK_SEQ_MAX) return undefined;
      const key = chunkKey(app, session, seq);
      const value = chunks.get(key);
      return value && unpack(key, value);
    },
    totals() {
      if (totals) return totals;
      const counted = { chunks: 0, bytes: 0 };
      for (const { value } of chunks.range({})) {
        counted.chunks++;
        counted.bytes += sizeOf(value);
      }
      totals = counted;
      return counted;
    },
    holdsFile: (fileId) => files.get(Buffer.from(fileId, 'hex')) !== undefined,
    placeOf(fileId) {
      const key = files.get(Buffer.from(fileId, 'hex'));
      if (!key) throw new RangeError(`no chunk has the file ${fileId}`);
      const session = key.toString('utf8', 4, key.length - 4);
      return { app: key.readUInt16BE(0), session, seq: key.readUInt32BE(key.length - 4) };
    },
    *files() {
      for (const { key, value } of chunks.range({})) {
        const { fileId, sizeBytes } = unpack(key, value);
        yield { fileId, sizeBytes };
      }
    },
    *all() {
      for (const { key, value } of chunks.range({})) {
        const session = key.toString('utf8', 4, key.length - 4);
        yield { app: key.readUInt16BE(0), session, chunk: unpack(key, value) };
      }
    },
    put(app, session, chunk) {
      const key = chunkKey(app, session, chunk.seq);
      const value = chunks.get(key);
      const replaced = value && unpack(key, value);
      if (replaced) forgetFile(replaced);
      else setCount(app, session, count(app, session) + 1);
      noteTotals(replaced ? 0 : 1, chunk.sizeBytes - (replaced?.sizeBytes ?? 0));
      chunks.put(key, pack(chunk));
      files.put(Buffer.from(chunk.fileId, 'hex'), key);
      expiry.put(expiryKey(chunk), key);
      return replaced?.fileId;
    },
    dropSession(app, session) {
      const start = sessionKey(app, session);
      const rows = Array.from(chunks.range({ start, end: prefixEnd(start) }), ({ key, value }) => ({
        key,
        chunk: unpack(key, value),
      }));
      for (const { key, chunk } of rows) {
        forgetFile(chunk);
        chunks.remove(key);
        noteTotals(-1, -chunk.sizeBytes);
      }
      setCount(app, session, 0);
      return rows.map(({ chunk }) => chunk.fileId);
    },
    dropExpired(before, limit) {
      const due = [...expiry.range({ end: u48(Math.max(0, before)), limit })];
      return due.map(({ key: expiryKey, value: key }) => {
        const app = key.readUInt16BE(0);
        const session = key.toString('utf8', 4, key.length - 4);
        const fileId = expiryKey.subarray(6);
        expiry.remove(expiryKey);
        files.remove(fileId);
        const value = chunks.get(key);
        noteTotals(-1, -(value ? sizeOf(value) : 0));
        chunks.remove(key);
        setCount(app, session, count(app, session) - 1);
        return fileId.toString('hex');
      });
    },
  };
}
