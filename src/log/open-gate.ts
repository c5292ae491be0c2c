/**
 * Keeps a process from opening the data file while another one commits.
 *
 * As LMDB's library opens a file, it notes for everybody the number of the newest transaction, which it read a moment before
 * (`mdb_env_open2` in its mdb.c). A commit between the two is forgotten: the writer's next transaction goes on from the one before, over
 * pages that are in use. So who opens a file that somebody may write puts a file of its own into `<dataDir>/.openings`, waits until no transaction
 * is under way, opens, and takes it away; the writer says there, in `writing`, when it is in a transaction, and begins none
 * meanwhile. Each first says what it is about to do and then looks at the other, so that one of them always sees it.
 */
import {
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

const FOLDER = '.openings';
const WRITING = 'writing';
const PID_BYTES = 4;
const POLL_MS = 1;
/** To open takes milliseconds, a transaction seconds at most: whoever takes longer has died, and its pid is another's now. */
const OPENING_MS_MAX = 5_000;
const WRITING_MS_MAX = 15_000;

const asleep = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
const sleep = (): void => void Atomics.wait(asleep, 0, 0, POLL_MS);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

export interface WriterGate {
  /** Runs a transaction, once nobody is opening the file. */
  pass(transaction: () => void): void;
  close(): void;
}

/** For the one who writes; throws what the disk throws. */
export function openWriterGate(dataDir: string): WriterGate {
  const folder = join(dataDir, FOLDER);
  mkdirSync(folder, { recursive: true });
  const writing = openSync(join(folder, WRITING), constants.O_RDWR | constants.O_CREAT);
  const pid = Buffer.alloc(PID_BYTES);
  pid.writeUInt32BE(process.pid);
  const nobody = Buffer.alloc(PID_BYTES);
  let isInside = false;

  const isSomebodyOpening = (): boolean =>
    readdirSync(folder).some(
      (name) => name !== WRITING && !isLeft(join(folder, name), Number.parseInt(name, 10)),
    );

  return {
    pass(transaction) {
      if (isInside) return transaction();
      for (;;) {
        writeSync(writing, pid, 0, PID_BYTES, 0);
        if (!isSomebodyOpening()) break;
        writeSync(writing, nobody, 0, PID_BYTES, 0);
        sleep();
      }
      isInside = true;
      try {
        transaction();
      } finally {
        isInside = false;
        writeSync(writing, nobody, 0, PID_BYTES, 0);
      }
    },
    close: () => closeSync(writing),
  };
}

/** Whether whoever put the file there has died over it; it is removed then. */
function isLeft(path: string, pid: number): boolean {
  const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  if (isAlive(pid) && age < OPENING_MS_MAX) return false;
  rmSync(path, { force: true });
  return true;
}

let openings = 0;

/** Opens the file for reading, in whichever process, while no transaction is under way. */
export function openBesideWriter<T>(dataDir: string, open: () => T): T {
  const folder = join(dataDir, FOLDER);
  const own = join(folder, `${process.pid}-${threadId}-${++openings}`);
  try {
    closeSync(openSync(own, 'w'));
  } catch {
    // Without the folder nobody ever wrote; and who may not write here has no part in what LMDB notes for everybody either.
    return open();
  }
  try {
    const end = Date.now() + WRITING_MS_MAX;
    while (isWriting(join(folder, WRITING)) && Date.now() < end) sleep();
    return open();
  } finally {
    rmSync(own, { force: true });
  }
}

function isWriting(path: string): boolean {
  try {
    const bytes = readFileSync(path);
    const pid = bytes.length < PID_BYTES ? 0 : bytes.readUInt32BE(0);
    return pid !== 0 && isAlive(pid);
  } catch {
    return false; // nobody ever wrote
  }
}
