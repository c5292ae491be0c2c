/**
 * The manifest: which chunks each session has, and which file holds each.
 *
 * `chunks`: `[app u16][bytes u16][session utf8][seq u32]` → `[received u48][size u32][file id 16 bytes]`,
 * then `[ts u48]` where the upload named one. `chunk_counts`: `[app u16][session utf8]` → u32.
 * `chunk_files`: `[file id]` → the chunk's key. `chunk_expiry`: `[received u48][file id]` → the chunk's key.
 */
import { CHUNK_SEQ_MAX, MAX_TS } from '../domain/limits.js';
import type { Env, Table } from '../log/file/env.js';
import { prefixEnd, readU48, u16, u32, u48 } from '../log/file/keys.js';

export const FILE_ID_BYTES = 16;
const TS_AT = 10 + FILE_ID_BYTES;
/** Greater than every `seq`. */
const SEQ_END = 2 ** 32 - 1;

export interface Chunk {
  seq: number;
  ts?: number;
  receivedAt: number;
  sizeBytes: number;
  /** Hex; names the chunk's immutable file. */
  fileId: string;
}

type Tables = Record<'chunks' | 'counts' | 'files' | 'expiry', Table>;

function sessionKey(app: number, session: string): Buffer {
  const bytes = Buffer.from(session, 'utf8');
  return Buffer.concat([u16(app), u16(bytes.length), bytes]);
}

const chunkKey = (app: number, session: string, seq: number): Buffer =>
  Buffer.concat([sessionKey(app, session), u32(seq)]);

const seqOf = (key: Buffer): number => key.readUInt32BE(key.length - 4);

const parseKey = (key: Buffer) => ({
  app: key.readUInt16BE(0),
  session: key.toString('utf8', 4, key.length - 4),
  seq: seqOf(key),
});

const countKey = (app: number, session: string): Buffer =>
  Buffer.concat([u16(app), Buffer.from(session, 'utf8')]);

const fileKey = (fileId: string): Buffer => Buffer.from(fileId, 'hex');

const expiryKey = ({ receivedAt, fileId }: Chunk): Buffer =>
  Buffer.concat([u48(receivedAt), fileKey(fileId)]);

function pack({ ts, receivedAt, sizeBytes, fileId }: Chunk): Buffer {
  const parts = [u48(receivedAt), u32(sizeBytes), fileKey(fileId)];
  return Buffer.concat(ts === undefined ? parts : [...parts, u48(ts)]);
}

const sizeOf = (value: Buffer): number => value.readUInt32BE(6);

const unpack = (key: Buffer, value: Buffer): Chunk => ({
  seq: seqOf(key),
  receivedAt: readU48(value, 0),
  sizeBytes: sizeOf(value),
  fileId: value.toString('hex', 10, TS_AT),
  ...(value.length > TS_AT ? { ts: readU48(value, TS_AT) } : {}),
});

export type Manifest = ReturnType<typeof openManifest>;

export function openManifest(env: Env) {
  const tables: Tables = {
    chunks: env.table('chunks'),
    counts: env.table('chunk_counts'),
    files: env.table('chunk_files'),
    expiry: env.table('chunk_expiry'),
  };
  const totals = openTotals(tables);
  return { ...readsOf(tables), totals: totals.read, ...writesOf(tables, totals) };
}

/** Tells when the newest chunk was received, Unix ms. */
export function openLastReceipt(env: Env): () => number | undefined {
  const expiry = env.table('chunk_expiry');
  return () => {
    const [last] = expiry.keys({ start: u48(MAX_TS), reverse: true, limit: 1 });
    return last && readU48(last, 0);
  };
}

function openTotals({ chunks }: Tables) {
  let known: { chunks: number; bytes: number } | undefined;
  return {
    /** How many chunks there are, and their bytes: counted through at the first call, kept from then on. */
    read() {
      if (known) return known;
      known = { chunks: 0, bytes: 0 };
      for (const { value } of chunks.range({})) {
        known.chunks++;
        known.bytes += sizeOf(value);
      }
      return known;
    },
    add(chunks: number, bytes: number): void {
      if (known) known = { chunks: known.chunks + chunks, bytes: known.bytes + bytes };
    },
  };
}

const countIn = ({ counts }: Tables, app: number, session: string): number =>
  counts.get(countKey(app, session))?.readUInt32BE(0) ?? 0;

function* rowsOf({ chunks }: Tables, app: number, session: string, limit = Number.POSITIVE_INFINITY) {
  const start = sessionKey(app, session);
  for (const { key, value } of chunks.range({ start, end: prefixEnd(start), limit }))
    yield { key, chunk: unpack(key, value) };
}

function readsOf(tables: Tables) {
  const { chunks, files } = tables;
  return {
    count: (app: number, session: string) => countIn(tables, app, session),
    /** With a `seq` over `after`, ascending. */
    *after(app: number, session: string, after: number) {
      const [start, end] = [chunkKey(app, session, after + 1), prefixEnd(sessionKey(app, session))];
      for (const { key, value } of chunks.scan({ start, end })) yield unpack(key, value);
    },
    /** Of the session, descending by `seq`. */
    *descending(app: number, session: string) {
      const [start, end] = [chunkKey(app, session, SEQ_END), sessionKey(app, session)];
      for (const { key, value } of chunks.scan({ start, end, reverse: true })) yield unpack(key, value);
    },
    get(app: number, session: string, seq: number) {
      if (seq > CHUNK_SEQ_MAX) return undefined;
      const key = chunkKey(app, session, seq);
      const value = chunks.get(key);
      return value && unpack(key, value);
    },
    holdsFile: (fileId: string) => files.get(fileKey(fileId)) !== undefined,
    /** The chunk a file that the manifest names is of. */
    chunkOfFile(fileId: string) {
      const key = files.get(fileKey(fileId));
      if (!key) throw new RangeError(`no chunk has the file ${fileId}`);
      return parseKey(key);
    },
    /** Every chunk, by app and session. */
    *all() {
      for (const { key, value } of chunks.range({})) {
        const { app, session } = parseKey(key);
        yield { app, session, chunk: unpack(key, value) };
      }
    },
  };
}

function writesOf(tables: Tables, totals: ReturnType<typeof openTotals>) {
  const { chunks, counts, files, expiry } = tables;

  const setCount = (app: number, session: string, value: number): void => {
    if (value === 0) counts.remove(countKey(app, session));
    else counts.put(countKey(app, session), u32(value));
  };
  const forgetFile = (chunk: Chunk): void => {
    expiry.remove(expiryKey(chunk));
    files.remove(fileKey(chunk.fileId));
  };
  const drop = (key: Buffer, chunk: Chunk): string => {
    forgetFile(chunk);
    chunks.remove(key);
    totals.add(-1, -chunk.sizeBytes);
    return chunk.fileId;
  };

  return {
    /** Inside a transaction; returns the file it replaced, to be removed once that is durable. */
    put(app: number, session: string, chunk: Chunk): string | undefined {
      const key = chunkKey(app, session, chunk.seq);
      const value = chunks.get(key);
      const replaced = value && unpack(key, value);
      if (replaced) forgetFile(replaced);
      else setCount(app, session, countIn(tables, app, session) + 1);
      totals.add(replaced ? 0 : 1, chunk.sizeBytes - (replaced?.sizeBytes ?? 0));
      chunks.put(key, pack(chunk));
      files.put(fileKey(chunk.fileId), key);
      expiry.put(expiryKey(chunk), key);
      return replaced?.fileId;
    },
    /** Inside a transaction: drops up to `limit` chunks of a session; returns their files, to be removed. */
    dropSession(app: number, session: string, limit: number): string[] {
      const rows = [...rowsOf(tables, app, session, limit)];
      setCount(app, session, countIn(tables, app, session) - rows.length);
      return rows.map(({ key, chunk }) => drop(key, chunk));
    },
    /** Inside a transaction: drops up to `limit` chunks received before `before`; returns their files. */
    dropExpired(before: number, limit: number): string[] {
      const due = [...expiry.range({ end: u48(Math.max(0, before)), limit })];
      return due.map(({ key: dueKey, value: key }) => {
        const { app, session, seq } = parseKey(key);
        setCount(app, session, countIn(tables, app, session) - 1);
        const value = chunks.get(key);
        const sizeBytes = value ? sizeOf(value) : 0;
        const [receivedAt, fileId] = [readU48(dueKey, 0), dueKey.toString('hex', 6)];
        return drop(key, { seq, receivedAt, sizeBytes, fileId });
      });
    },
  };
}
