/**
 * Keeps a process from opening the data file while another one commits.
 *
 * As LMDB's library opens a file, it notes for everybody the number of the newest transaction, which it read a moment before
 * (`mdb_env_open2` in its mdb.c). A commit between the two is forgotten: the writer's next transaction goes on from the one before, over
 * pages that are in use. So who opens a file that somebody may write puts a file of its own into `<dataDir>/.openings`, waits until no transaction
 * is under way, opens, and takes it away; the writer says there, in `writing`, when it is in a transaction, and begins none
 * meanwhile. Each first says what it is about to do and then looks at the other, so that one of them always sees it.
 *
 * `writing`: `[1 in a transaction u8][pid u32][start u48]`; a file of an opening: `<pid>-<start>-<thread>-<n>`. Its start tells a process from
 * a later one of the same pid. Where the system does not say when a process began, an opening is taken for dead once its file is old.
 */
import {
  closeSync,
  constants,
  fchownSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  utimesSync,
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
const OPENING = /^(\d+)-(\d+)-\d+-\d+$/;
const POLL_MS = 1;
/** Either waits so long for the other, then gives up: nothing is stored or opened, and the reason is told. */
const WAIT_MS_MAX = 60_000;
/** Without a start to go by; whoever opens touches its file while it waits, and then takes milliseconds. */
const OPENING_MS_MAX = 20_000;

const asleep = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

/** Asks again and again until there is an answer. Throws `StoreUnusable` when there is none in time. */
function waitFor<T>(ask: () => T | undefined, what: () => string, msMax = WAIT_MS_MAX): T {
  const end = Date.now() + msMax;
  for (;;) {
    const answer = ask();
    if (answer !== undefined) return answer;
    if (Date.now() > end) throw new StoreUnusable(`waited ${msMax / 1_000} s for ${what()}`);
    Atomics.wait(asleep, 0, 0, POLL_MS);
  }
}

type Life = 'alive' | 'dead' | 'unknown';

/** State and start, in ticks since the system's, of a process; undefined where the system does not say. proc(5), `stat`. */
function statOf(pid: number): { state: string; start: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is a name in parentheses, and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', start: Number(fields[19]) };
  } catch {
    return undefined;
  }
}

/** 0 where the system does not say. Read while there are descriptors to read it with. */
const OWN_START = statOf(process.pid)?.start ?? 0;

function lifeOf(pid: number, start: number): Life {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return 'dead';
  }
  const now = statOf(pid);
  if (start === 0 || now === undefined) return 'unknown';
  return now.start === start && now.state !== 'Z' && now.state !== 'X' ? 'alive' : 'dead';
}

export interface WriterGate {
  /** Runs a transaction, once nobody is opening the file. Throws `StoreUnusable` where somebody does not come to an end of that. */
  pass(transaction: () => void): void;
  close(): void;
}

/** For the one who writes; throws what the disk throws. `waitMsMax` is for tests. */
export function openWriterGate(dataDir: string, waitMsMax = WAIT_MS_MAX): WriterGate {
  const folder = join(dataDir, OPENINGS);
  const writing = waitFor(
    () => openWriting(dataDir),
    () => 'a file descriptor',
  );
  const state = Buffer.alloc(WRITING_BYTES);
  state.writeUInt32BE(process.pid, 1);
  state.writeUIntBE(OWN_START, 5, 6);
  writeSync(writing, state, 0, WRITING_BYTES, 0);
  let isInside = false;

  return {
    pass(transaction) {
      if (isInside) return transaction();
      let opening: string | undefined;
      const isAlone = () => {
        writeSync(writing, IN_TRANSACTION, 0, 1, 0);
        opening = openingIn(folder);
        if (opening === undefined) return true;
        writeSync(writing, BETWEEN, 0, 1, 0);
        return undefined;
      };
      try {
        waitFor(
          isAlone,
          () => `the process that opens the store by ${join(folder, opening ?? '')}`,
          waitMsMax,
        );
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

const OUT_OF_DESCRIPTORS = ['EMFILE', 'ENFILE'];

/** Undefined while there is no descriptor for it, or an opening has just taken the folder away. */
function openWriting(dataDir: string): number | undefined {
  const folder = join(dataDir, OPENINGS);
  mkdirSync(folder, { recursive: true });
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new StoreUnusable(`${folder} is not a folder`);
  let writing: number;
  try {
    const { O_RDWR, O_CREAT, O_NOFOLLOW = 0 } = constants;
    writing = openSync(join(folder, WRITING), O_RDWR | O_CREAT | O_NOFOLLOW);
  } catch (error) {
    if ([...OUT_OF_DESCRIPTORS, 'ENOENT'].includes(codeOf(error))) return undefined;
    throw error;
  }
  giveToOwner(dataDir, (uid, gid) => {
    lchownSync(folder, uid, gid);
    fchownSync(writing, uid, gid);
  });
  return writing;
}

/** A command that the superuser runs must not keep out whoever the data folder belongs to. */
function giveToOwner(dataDir: string, give: (uid: number, gid: number) => void): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(dataDir);
  try {
    if (uid !== 0) give(uid, gid);
  } catch {
    // Not every file system has owners to give to.
  }
}

/** The name of an opening that is under way, or of what may be one; removes those of the dead. */
function openingIn(folder: string): string | undefined {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if (OUT_OF_DESCRIPTORS.includes(codeOf(error))) return '';
    throw error;
  }
  return names.find((name) => {
    const [, pid, start] = OPENING.exec(name) ?? [];
    if (pid === undefined) return false;
    const path = join(folder, name);
    const life = lifeOf(Number(pid), Number(start));
    if (life === 'alive') return true;
    if (life === 'unknown' && ageMs(path) < OPENING_MS_MAX) return true;
    rmSync(path, { force: true });
    return false;
  });
}

const ageMs = (path: string): number =>
  Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);

/** Who may not write here has no part in what LMDB notes for everybody either; without the data folder there is nothing. */
const NO_PART = ['ENOENT', 'EACCES', 'EPERM', 'EROFS'];

let openings = 0;

/**
 * Opens the file for reading, in whichever process, while no transaction is under way. Throws `StoreUnusable`. `waitMsMax` is for
 * tests.
 */
export function openBesideWriter<T>(dataDir: string, open: () => T, waitMsMax = WAIT_MS_MAX): T {
  const folder = join(dataDir, OPENINGS);
  const own = join(folder, `${process.pid}-${OWN_START}-${threadId}-${++openings}`);
  try {
    waitFor(
      () => announce(dataDir, own),
      () => folder,
    );
  } catch (error) {
    if (NO_PART.includes(codeOf(error))) return open();
    throw new StoreUnusable(`cannot open the store in ${dataDir} beside whoever writes it: ${reason(error)}`);
  }
  try {
    const isQuiet = () => {
      const now = new Date();
      utimesSync(own, now, now);
      return isWriting(join(folder, WRITING)) ? undefined : true;
    };
    waitFor(isQuiet, () => `the end of a transaction in ${dataDir}`, waitMsMax);
    return open();
  } finally {
    rmSync(own, { force: true });
    removeEmpty(folder);
  }
}

/** Makes the file that says it, in a folder that others may make and take away meanwhile. */
function announce(dataDir: string, own: string): true | undefined {
  const folder = join(dataDir, OPENINGS);
  try {
    mkdirSync(folder);
    giveToOwner(dataDir, (uid, gid) => lchownSync(folder, uid, gid));
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  try {
    closeSync(openSync(own, 'w'));
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Where nobody ever wrote, nothing is left. */
function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Somebody writes there, or opens.
  }
}

/** Throws what the disk throws. */
function isWriting(path: string): boolean {
  let state: Buffer;
  try {
    state = readFileSync(path);
  } catch (error) {
    if (NO_PART.includes(codeOf(error))) return false;
    throw error;
  }
  if (state.length !== WRITING_BYTES || state[0] !== 1) return false;
  return lifeOf(state.readUInt32BE(1), state.readUIntBE(5, 6)) !== 'dead';
}
