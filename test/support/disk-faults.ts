/** The failing disk of `disk-faults.c`: builds it, and tells it what to do. */
import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** In the order of `enum` and `struct control`. */
const KINDS = { none: 0, sync: 1, write: 2, short: 3 } as const;
const WORD_BYTES = 4;
const WORDS = ['kind', 'countdown', 'error', 'lasts', 'syncDelayMs', 'syncs', 'writes', 'faults'] as const;
type Word = (typeof WORDS)[number];

export const EIO = 5;
export const ENOSPC = 28;

export interface Fault {
  /** `sync` and `write` fail with `error`; `short` writes half. */
  kind: 'sync' | 'write' | 'short';
  /** How many calls of that kind succeed before. */
  after: number;
  error?: number;
  /** Whether every later call fails too. */
  lasts?: boolean;
}

export interface FaultyDisk {
  /** The environment of a process whose files under the folder are to fail. */
  readonly env: NodeJS.ProcessEnv;
  arm(fault: Fault): void;
  disarm(): void;
  /** Lets every sync take at least this long. */
  delaySyncs(ms: number): void;
  /** Faults so far, since the last `arm`. */
  faults(): number;
  /** Writes and syncs so far. */
  calls(): { syncs: number; writes: number };
  remove(): void;
}

/** Builds the disk for a folder; undefined on a machine without a C compiler or a preloading linker. */
export function createFaultyDisk(folder: string): FaultyDisk | undefined {
  const home = mkdtempSync(join(tmpdir(), 'spyglass-disk-'));
  const library = join(home, 'disk-faults.so');
  const source = join(process.cwd(), 'test/support/disk-faults.c');
  const built = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'], {
    encoding: 'utf8',
  });
  if (process.platform !== 'linux' || built.error !== undefined) {
    rmSync(home, { recursive: true, force: true });
    return undefined;
  }
  if (built.status !== 0) throw new Error(`disk-faults.c does not compile:\n${built.stderr}`);

  const control = join(home, 'control');
  const file = openSync(control, 'w+');
  ftruncateSync(file, WORDS.length * WORD_BYTES);
  const place = (word: Word): number => WORDS.indexOf(word) * WORD_BYTES;
  const set = (word: Word, value: number): void => {
    const bytes = Buffer.alloc(WORD_BYTES);
    bytes.writeInt32LE(value, 0);
    writeSync(file, bytes, 0, WORD_BYTES, place(word));
  };
  const get = (word: Word): number => {
    const bytes = Buffer.alloc(WORD_BYTES);
    readSync(file, bytes, 0, WORD_BYTES, place(word));
    return bytes.readInt32LE(0);
  };
  return {
    env: { LD_PRELOAD: library, SPYGLASS_FAULT_CONTROL: control, SPYGLASS_FAULT_FOLDER: folder },
    arm({ kind, after, error = EIO, lasts = false }) {
      set('kind', KINDS.none);
      set('faults', 0);
      set('countdown', after);
      set('error', error);
      set('lasts', lasts ? 1 : 0);
      set('kind', KINDS[kind]);
    },
    disarm: () => set('kind', KINDS.none),
    delaySyncs: (ms) => set('syncDelayMs', ms),
    faults: () => get('faults'),
    calls: () => ({ syncs: get('syncs'), writes: get('writes') }),
    remove() {
      closeSync(file);
      rmSync(home, { recursive: true, force: true });
    },
  };
}
