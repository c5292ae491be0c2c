/**
 * A commit group: all that some requests stored together add to the log, as one run of bytes.
 *
 * It is made once, where requests are accepted, goes to the WAL as it is, and is what the writer applies, at
 * once or after a restart. Numbers are big-endian:
 *   `[commit u48][next offset u48][next app u32][next user u32][next name u32][texts u32][batch ids u32][batches u32]`
 *   texts: `[kind u8][number u32][bytes u16][utf8]`, those the dictionaries do not hold yet;
 *   batch ids: `[app u16][received u48][next offset then u48][bytes u16][utf8]`;
 *   batches: `[last ts u48][offset u48][bytes u32][the record batch's value]`.
 */
import type { Kind } from '../batches/dictionaries.js';
import { KINDS } from '../batches/dictionaries.js';
import type { Counters } from '../batches/log.js';
import type { SeenBatchId } from '../batches/seen.js';
import { readU48 } from '../file/keys.js';

export const GROUP_HEAD_BYTES = 36;

export interface NewText {
  kind: Kind;
  number: number;
  text: string;
}

/** Where a batch lies in the group's bytes: the log's key, then, behind its length, its value. */
export interface CommittedBatch {
  lastTs: number;
  offset: number;
  key: number;
  value: number;
  valueEnd: number;
}

export interface CommitGroup {
  bytes: Buffer;
  commit: number;
  /** What the commit after this one continues from. */
  next: Counters;
  texts: NewText[];
  batchIds: SeenBatchId[];
  batches: CommittedBatch[];
}

/** The commit's number, without reading the rest. */
export const commitOf = (group: Buffer): number => readU48(group, 0);

/** The id that the event after the group gets. */
export const nextOffsetOf = (group: Buffer): number => readU48(group, 6);

/** Record batches, new texts and `batch_id`s: what touches rows of its own when the group is applied. */
export const partsOf = (group: Buffer): number =>
  group.readUInt32BE(24) + group.readUInt32BE(28) + group.readUInt32BE(32);

/** Reads a group back; its batches stay where they are. */
export function parseCommitGroup(bytes: Buffer): CommitGroup {
  const commit = commitOf(bytes);
  const next: Counters = {
    offset: readU48(bytes, 6),
    commit: commit + 1,
    app: bytes.readUInt32BE(12),
    user: bytes.readUInt32BE(16),
    name: bytes.readUInt32BE(20),
  };
  let at = GROUP_HEAD_BYTES;
  const text = (lengthAt: number): string => {
    at = lengthAt + 2 + bytes.readUInt16BE(lengthAt);
    return bytes.toString('utf8', lengthAt + 2, at);
  };
  const texts = Array.from({ length: bytes.readUInt32BE(24) }, (): NewText => {
    const start = at;
    const kind = KINDS[bytes[start] ?? 0];
    if (kind === undefined) throw new RangeError(`commit ${commit}: no such kind of text: ${bytes[start]}`);
    return { kind, number: bytes.readUInt32BE(start + 1), text: text(start + 5) };
  });
  const batchIds = Array.from({ length: bytes.readUInt32BE(28) }, (): SeenBatchId => {
    const start = at;
    return {
      app: bytes.readUInt16BE(start),
      receivedAt: readU48(bytes, start + 2),
      offset: readU48(bytes, start + 8),
      batchId: text(start + 14),
    };
  });
  const batches = Array.from({ length: bytes.readUInt32BE(32) }, (): CommittedBatch => {
    const start = at;
    at = start + 16 + bytes.readUInt32BE(start + 12);
    return {
      lastTs: readU48(bytes, start),
      offset: readU48(bytes, start + 6),
      key: start,
      value: start + 16,
      valueEnd: at,
    };
  });
  return { bytes, commit, next, texts, batchIds, batches };
}
