/**
 * The WAL: where commit groups become durable, by one small write and sync each, ahead of the tables.
 *
 * Two files in the data folder take turns. A record is `["SGJ1"][body bytes u32][crc32 u32][store tag u32]`
 * and the group's bytes, filled up to a multiple of 512 so that no write touches the sector of an earlier
 * record. Its life:
 *   1. `append` writes and syncs it: the group is durable;
 *   2. the writer applies the group, and others with it, in one transaction;
 *   3. `applied` frees its space: the whole file at once, when no record in it waits any more.
 * Space that was written before costs a sync a fraction of what a growing file costs, which is why files are
 * used again and never cut. What lies behind the newest record is older, and known by its commit number.
 */
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { crc32 } from 'node:zlib';
import { WAL_TURN_BYTES } from '../../domain/limits.js';
import type { Histogram } from '../../telemetry/meters.js';
import { StoreUnusable } from '../file/data-dir.js';
import { commitOf, GROUP_HEAD_BYTES } from './commit-group.js';

export const WAL_FILES = ['journal-a.bin', 'journal-b.bin'] as const;

const MAGIC = Buffer.from('SGJ1');
const HEAD_BYTES = 16;
const SECTOR_BYTES = 512;

/** Marks the records of one store, so that no other store takes them for its own. */
const storeTag = (storeId: string): number => crc32(storeId);

interface Segment {
  file: number;
  /** Where the next record goes, bytes. */
  end: number;
  /** The newest record's commit. */
  newest: number;
}

/** A record's group, and where the next record goes. */
interface WalRecord {
  group: Buffer;
  end: number;
}

/**
 * Opens the WAL of a store. Its files are made when missing; throws what the disk throws. `syncSeconds` is
 * told how long each sync took. With `from`, the store's next commit, records from it on stay until they are
 * applied; without, the store holds every group there is.
 */
export function openWal(dataDir: string, storeId: string, syncSeconds?: Histogram, from?: number) {
  const tag = storeTag(storeId);
  const open = (name: string): Segment => {
    const path = join(dataDir, name);
    // A file is written from its beginning on, so what is older comes behind what is kept.
    const last = from === undefined ? undefined : recordsIn(path, tag).findLast(isKept);
    const file = openSync(path, existsSync(path) ? 'r+' : 'w+');
    return { file, end: last?.end ?? 0, newest: last ? commitOf(last.group) : 0 };
  };
  const isKept = ({ group }: WalRecord): boolean => commitOf(group) >= (from ?? 0);
  const [a, b] = [open(WAL_FILES[0]), open(WAL_FILES[1])];
  let [current, other] = a.newest >= b.newest ? [a, b] : [b, a];
  syncFolder(dataDir);
  let appliedUpTo = (from ?? 1) - 1;
  let record = Buffer.allocUnsafeSlow(1 << 16);

  /** Chooses the file of the next record, and where in it the record goes. */
  const turn = (): void => {
    if (current.newest <= appliedUpTo) current.end = 0;
    else if (current.end >= WAL_TURN_BYTES && other.newest <= appliedUpTo) {
      [current, other] = [other, current];
      current.end = 0;
    }
  };

  return {
    /** Makes a group durable; whatever it throws means that nothing more may be acknowledged. */
    append(group: Buffer): void {
      turn();
      const size = Math.ceil((HEAD_BYTES + group.length) / SECTOR_BYTES) * SECTOR_BYTES;
      if (record.length < size) record = Buffer.allocUnsafeSlow(size * 2);
      MAGIC.copy(record);
      record.writeUInt32BE(group.length, 4);
      record.writeUInt32BE(crc32(group), 8);
      record.writeUInt32BE(tag, 12);
      group.copy(record, HEAD_BYTES);
      record.fill(0, HEAD_BYTES + group.length, size);
      for (let done = 0; done < size; ) {
        done += writeSync(current.file, record, done, size - done, current.end + done);
      }
      const start = performance.now();
      fdatasyncSync(current.file);
      syncSeconds?.observe((performance.now() - start) / 1_000);
      current.end += size;
      current.newest = commitOf(group);
    },
    /** The store holds every group up to this commit. */
    applied(commit: number): void {
      appliedUpTo = commit;
    },
    close(): void {
      closeSync(current.file);
      closeSync(other.file);
    },
  };
}

/** Bytes the WAL takes on the disk. */
export const walBytes = (dataDir: string): number =>
  WAL_FILES.reduce(
    (sum, name) => sum + (statSync(join(dataDir, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );

/** Removes the WAL of a store that holds all there is in it, and that nobody has open. */
export function removeWal(dataDir: string): void {
  for (const name of WAL_FILES) rmSync(join(dataDir, name), { force: true });
  syncFolder(dataDir);
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/**
 * The groups that the WAL holds from commit `from` on, in order: those a crash kept from the store. Throws
 * `StoreUnusable` when one between them is missing or damaged: acknowledged batches would be lost silently.
 */
export function readWal(dataDir: string, storeId: string, from: number): Buffer[] {
  const groups = recordsOf(dataDir, storeId)
    .filter((group) => commitOf(group) >= from)
    .sort((a, b) => commitOf(a) - commitOf(b));
  groups.forEach((group, index) => {
    if (commitOf(group) === from + index) return;
    throw new StoreUnusable(
      `the WAL in ${dataDir} goes on at commit ${commitOf(group)}, but ${from + index} is missing: restore a backup, ` +
        `or delete ${WAL_FILES.join(' and ')} to go on without what was stored last`,
    );
  });
  return groups;
}

/** The newest commit in the WAL; 0 when it is empty. */
export const newestInWal = (dataDir: string, storeId: string): number =>
  recordsOf(dataDir, storeId).reduce((newest, group) => Math.max(newest, commitOf(group)), 0);

const recordsOf = (dataDir: string, storeId: string): Buffer[] =>
  WAL_FILES.flatMap((name) => recordsIn(join(dataDir, name), storeTag(storeId)).map(({ group }) => group));

/** Every whole record of a file, older ones behind the newest among them. */
function recordsIn(path: string, tag: number): WalRecord[] {
  if (!existsSync(path)) return [];
  const bytes = readWhole(path);
  const records: WalRecord[] = [];
  for (let at = 0; at + HEAD_BYTES + GROUP_HEAD_BYTES <= bytes.length; ) {
    const group = recordAt(bytes, at, tag);
    at += group ? Math.ceil((HEAD_BYTES + group.length) / SECTOR_BYTES) * SECTOR_BYTES : SECTOR_BYTES;
    if (group) records.push({ group, end: at });
  }
  return records;
}

function readWhole(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new StoreUnusable(`cannot read the WAL ${path}: ${(error as Error).message}`);
  }
}

function recordAt(bytes: Buffer, at: number, tag: number): Buffer | undefined {
  if (bytes.compare(MAGIC, 0, MAGIC.length, at, at + MAGIC.length) !== 0) return undefined;
  const start = at + HEAD_BYTES;
  const length = bytes.readUInt32BE(at + 4);
  if (length < GROUP_HEAD_BYTES || start + length > bytes.length) return undefined;
  if (bytes.readUInt32BE(at + 12) !== tag) return undefined;
  const group = bytes.subarray(start, start + length);
  return crc32(group) === bytes.readUInt32BE(at + 8) ? group : undefined;
}
