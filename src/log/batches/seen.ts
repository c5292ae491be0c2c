/**
 * Memory of `batch_id`s, which makes a client's retry safe for seven days.
 *
 * `seen`: `[app u16][batch_id utf8]` → `[received u48][next offset then u48]`.
 * `seen_expiry`: `[greatest received u48][commit u48]` → the `seen` keys of that commit, each behind its u16
 * length: one row a commit, not a batch, keeps the cost of forgetting off the ingest path.
 */
import { SEEN_MS } from '../../domain/limits.js';
import type { Range, Table } from '../file/env.js';
import { put16, putBytes, readU48, timeKey } from '../file/keys.js';

export interface SeenBatchId {
  app: number;
  batchId: string;
  receivedAt: number;
  /** Id the store would have given next when it took the batch. */
  offset: number;
}

export function seenKey(app: number, batchId: string): Buffer {
  const bytes = Buffer.from(batchId, 'utf8');
  const key = Buffer.allocUnsafe(2 + bytes.length);
  putBytes(key, put16(key, 0, app), bytes);
  return key;
}

/** When the batch was taken, if that is within seven days of `now`. */
export function seenAt(seen: Table, key: Buffer, now: number): number | undefined {
  const value = seen.get(key);
  if (!value) return undefined;
  const receivedAt = readU48(value, 0);
  return now - receivedAt > SEEN_MS ? undefined : receivedAt;
}

/** Inside a transaction: remembers the batches of one commit. */
export function remember(
  tables: { seen: Table; expiry: Table },
  commit: number,
  batches: readonly SeenBatchId[],
): void {
  if (batches.length === 0) return;
  let latest = 0;
  const keys: Buffer[] = [];
  for (const { app, batchId, receivedAt, offset } of batches) {
    const key = seenKey(app, batchId);
    tables.seen.put(key, timeKey(receivedAt, offset));
    latest = Math.max(latest, receivedAt);
    const length = Buffer.allocUnsafe(2);
    length.writeUInt16BE(key.length, 0);
    keys.push(length, key);
  }
  tables.expiry.put(timeKey(latest, commit), Buffer.concat(keys));
}

function* splitKeys(value: Buffer): Generator<Buffer> {
  for (let at = 0; at < value.length; ) {
    const length = value.readUInt16BE(at);
    yield value.subarray(at + 2, at + 2 + length);
    at += 2 + length;
  }
}

/**
 * Inside a transaction: forgets up to `limit` commits' worth of ids taken over seven days before `now`;
 * returns how many commits it forgot.
 */
export function forgetExpired(tables: { seen: Table; expiry: Table }, now: number, limit: number): number {
  const end = timeKey(Math.max(0, now - SEEN_MS), 0);
  const due = [...tables.expiry.range({ end, limit })];
  for (const { key, value } of due) {
    for (const seenKeyBytes of splitKeys(value)) {
      // A batch_id that came again after its seven days has a row of its own, newer than this one.
      if (seenAt(tables.seen, seenKeyBytes, now) === undefined) tables.seen.remove(seenKeyBytes);
    }
    tables.expiry.remove(key);
  }
  return due.length;
}

/** The remembered batches in a range of `seenKey`s; an `offset` is the batch's place in the log. */
export function* seenBatchIds(seen: Table, range: Range): Generator<SeenBatchId> {
  for (const { key, value } of seen.range(range)) {
    yield {
      app: key.readUInt16BE(0),
      batchId: key.toString('utf8', 2),
      receivedAt: readU48(value, 0),
      offset: readU48(value, 6),
    };
  }
}
