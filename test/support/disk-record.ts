/** The record of `disk-record.c`: builds it, and reads what a collector did to its disk. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type Kind =
  | 'written'
  | 'written and synced'
  | 'synced'
  | 'resized'
  | 'made'
  | 'folder made'
  | 'renamed'
  | 'removed';

/** One call that succeeded. */
export interface Entry {
  kind: Kind;
  /** Of the file or folder when the call was made. */
  path: string;
  /** Of `renamed`: the new path. */
  to: string;
  /** Monotonic ns, as `process.hrtime.bigint()` counts. */
  timeNs: bigint;
  /** Where `bytes` were written, or the size of `resized`. */
  offset: number;
  bytes: Buffer;
  /** Of `synced`: how many entries there were when it began. Later ones are not covered. */
  covers: number;
}

export interface DiskRecorder {
  /** The environment of the process that is recorded. */
  env: NodeJS.ProcessEnv;
  /** What was recorded so far, in order. Throws for a call that cannot be replayed. */
  read(): Entry[];
  remove(): void;
}

const KINDS: Readonly<Record<string, Kind>> = {
  w: 'written',
  d: 'written and synced',
  s: 'synced',
  t: 'resized',
  c: 'made',
  m: 'folder made',
  r: 'renamed',
  u: 'removed',
};
/** `struct entry`. */
const HEADER_BYTES = 40;
/** LMDB's table of readers and the writers' sockets: made anew at each start, and mapped into memory. */
const NOT_KEPT = /(-lock|\.sock)( \(deleted\))?$/;

/** Builds the recorder of a folder; undefined on a machine without a C compiler or a preloading linker. */
export function createDiskRecorder(folder: string): DiskRecorder | undefined {
  const home = mkdtempSync(join(tmpdir(), 'spyglass-record-'));
  const library = join(home, 'disk-record.so');
  const log = join(home, 'record');
  const source = join(process.cwd(), 'test/support/disk-record.c');
  const options = ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl', '-lpthread'];
  const built = spawnSync('cc', options, { encoding: 'utf8' });
  if (process.platform !== 'linux' || built.error !== undefined) {
    rmSync(home, { recursive: true, force: true });
    return undefined;
  }
  if (built.status !== 0) throw new Error(`disk-record.c does not compile:\n${built.stderr}`);
  return {
    // Calls through io_uring would pass by the C library.
    env: {
      LD_PRELOAD: library,
      SPYGLASS_RECORD_FOLDER: folder,
      SPYGLASS_RECORD_LOG: log,
      UV_USE_IO_URING: '0',
    },
    read: () => readRecord(readFileSync(log)),
    remove: () => rmSync(home, { recursive: true, force: true }),
  };
}

function readRecord(record: Buffer): Entry[] {
  const entries: Entry[] = [];
  for (let at = 0; at + HEADER_BYTES <= record.length; ) {
    const letter = String.fromCharCode(record[at] ?? 0);
    const pathAt = at + HEADER_BYTES;
    const toAt = pathAt + record.readUInt32LE(at + 8);
    const bytesAt = toAt + record.readUInt32LE(at + 12);
    const end = bytesAt + record.readUInt32LE(at + 4);
    const path = record.toString('utf8', pathAt, toAt);
    const to = record.toString('utf8', toAt, bytesAt);
    const kind = KINDS[letter];
    if (!NOT_KEPT.test(path) && kind === undefined)
      throw new Error(`${path} was changed by ${to || letter}, which the recorder cannot write down`);
    entries.push({
      kind: kind ?? 'synced',
      path,
      to,
      timeNs: record.readBigUInt64LE(at + 16),
      offset: Number(record.readBigUInt64LE(at + 24)),
      covers: Number(record.readBigUInt64LE(at + 32)),
      bytes: record.subarray(bytesAt, end),
    });
    at = end;
  }
  return entries;
}

/** Whether a start makes the file anew, so that what became of it says nothing. */
export const isKept = (path: string): boolean => !NOT_KEPT.test(path);
