/**
 * Keeps a process from opening the data file while another one commits.
 *
 * As LMDB's library opens a file, it notes for everybody the number of the newest transaction, which it read a moment before
 * (`mdb_env_open2` in its mdb.c). A commit between the two is forgotten: the writer's next transaction goes on from the one before, over
 * pages that are in use. So who opens a file that somebody may write puts a file of its own into `<dataDir>/.openings`, waits until no transaction
 * is under way, opens, and takes it away; the writer says there, in `writing`, when it is in a transaction, and begins none
 * meanwhile. Each first says what it is about to do and then looks at the other, so that one of them always sees it.
 *
 * `writing`: `[1 in a transaction u8][pid u32][start u48]`; a file of an opening: `<pid>-<start>-<thread>-<n>`. The start of a process tells it from
 * a later one of the same pid, where the system says when that was.
 */
import {
  chownSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { reason, StoreUnusable } from './data-dir.js';

export const OPENINGS = '.openings';
const WRITING = 'writing';
const WRITING_BYTES = 11;
const IN_TRANSACTION = Buffer.from([1]);
const BETWEEN = Buffer.from([0]);
const POLL_MS = 1;
/** Longer than any transaction, on any disk that stores at all. */
const WAIT_MS_MAX = 60_000;

const asleep = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
const sleep = (): void => void Atomics.wait(asleep, 0, 0, POLL_MS);
const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

/** When a process began, in ticks since the system did; 0 where the system does not say. proc(5), `stat`: the 22nd field. */
function startOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is a name in parentheses, and may hold anything.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    return 0;
  }
}

function isAlive(pid: number, start: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false;
  }
  const now = startOf(pid);
  return start === 0 || now === 0 || start === now;
}

export interface WriterGate {
  /** Runs a transaction, once nobody is opening the file. */
  pass(transaction: () => void): void;
  close(): void;
}

/** For the one who writes; throws what the disk throws. */
export function openWriterGate(dataDir: string): WriterGate {
  const folder = join(dataDir, OPENINGS);
  const path = join(folder, WRITING);
  mkdirSync(folder, { recursive: true });
  const writing = openSync(path, constants.O_RDWR | constants.O_CREAT);
  // A command that the superuser runs must not keep out who the folder belongs to.
  if (process.getuid?.() === 0) {
    const { uid, gid } = statSync(dataDir);
    for (const made of [folder, path]) chownSync(made, uid, gid);
  }
  const state = Buffer.alloc(WRITING_BYTES);
  state.writeUInt32BE(process.pid, 1);
  state.writeUIntBE(startOf(process.pid), 5, 6);
  writeSync(writing, state, 0, WRITING_BYTES, 0);
  let isInside = false;

  return {
    pass(transaction) {
      if (isInside) return transaction();
      try {
        for (;;) {
          writeSync(writing, IN_TRANSACTION, 0, 1, 0);
          if (!isSomebodyOpening(folder)) break;
          writeSync(writing, BETWEEN, 0, 1, 0);
          sleep();
        }
        isInside = true;
        transaction();
      } finally {
        isInside = false;
        writeSync(writing, BETWEEN, 0, 1, 0);
      }
    },
    close: () => closeSync(writing),
  };
}

/** Whoever has died over an opening is cleared away. */
function isSomebodyOpening(folder: string): boolean {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    // Out of descriptors, as under a flood of connections: somebody may be opening, and a transaction can wait.
    if (['EMFILE', 'ENFILE'].includes(codeOf(error))) return true;
    throw error;
  }
  return names.some((name) => {
    if (name === WRITING) return false;
    const [pid = 0, start = 0] = name.split('-').map(Number);
    if (isAlive(pid, start)) return true;
    rmSync(join(folder, name), { force: true });
    return false;
  });
}

/** Who may not write here has no part in what LMDB notes for everybody either; without the folder nobody ever wrote. */
const NO_PART = ['ENOENT', 'EACCES', 'EPERM', 'EROFS'];

let openings = 0;

/** Opens the file for reading, in whichever process, while no transaction is under way. Throws `StoreUnusable`. */
export function openBesideWriter<T>(dataDir: string, open: () => T): T {
  const folder = join(dataDir, OPENINGS);
  const own = join(folder, `${process.pid}-${startOf(process.pid)}-${threadId}-${++openings}`);
  try {
    closeSync(openSync(own, 'w'));
  } catch (error) {
    if (NO_PART.includes(codeOf(error))) return open();
    throw new StoreUnusable(`cannot open the store in ${dataDir} beside who writes it: ${reason(error)}`);
  }
  try {
    const end = Date.now() + WAIT_MS_MAX;
    while (isWriting(join(folder, WRITING))) {
      if (Date.now() > end)
        throw new StoreUnusable(`${dataDir} has been in one transaction for ${WAIT_MS_MAX / 1_000} s`);
      sleep();
    }
    return open();
  } finally {
    rmSync(own, { force: true });
  }
}

function isWriting(path: string): boolean {
  let state: Buffer;
  try {
    state = readFileSync(path);
  } catch (error) {
    if (NO_PART.includes(codeOf(error))) return false;
    throw error;
  }
  return (
    state.length === WRITING_BYTES && state[0] === 1 && isAlive(state.readUInt32BE(1), state.readUIntBE(5, 6))
  );
}
