/**
 * For commands of the release before, which open the data file beside its writer: they wait until
 * `.openings/writing` says that no transaction is under way, and name themselves in that folder meanwhile.
 *
 * Delete this file and its two calls in the release after this one.
 *
 * `writing`: `[1 in a transaction u8][pid u32][start u48]`; a file of an opening:
 * `<pid>-<start>-<thread>-<n>`. A start, in ticks since the system's, tells processes of one pid apart.
 */
import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { giveToOwner } from './data-dir.js';

export const OPENINGS = '.openings';
const OPENING = /^(\d+)-(\d+)-\d+-\d+$/;
const { O_RDWR, O_CREAT, O_NOFOLLOW = 0 } = constants;

/** 0 for a process that is gone, or where the system does not say. */
function startOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is a name in parentheses, and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? 0 : Number(fields[19]);
  } catch {
    return 0;
  }
}

/** Says which process of the release before is opening the data file; undefined when none is. */
export function olderReleaseOpens(dataDir: string): string | undefined {
  let names: string[] = [];
  try {
    names = readdirSync(join(dataDir, OPENINGS));
  } catch {
    // There is no such folder.
  }
  for (const name of names) {
    const [, pid, start] = OPENING.exec(name) ?? [];
    if (pid !== undefined && startOf(Number(pid)) === Number(start))
      return `process ${pid}, of an older release, is opening the store in ${dataDir}: wait for its end, or delete ${join(dataDir, OPENINGS, name)}`;
  }
  return undefined;
}

/** Runs a transaction and says meanwhile that one is under way, as far as that can be said. */
export function saidToOlderRelease(dataDir: string, transaction: () => void): void {
  say(dataDir, 1);
  try {
    transaction();
  } finally {
    say(dataDir, 0);
  }
}

const state = Buffer.alloc(11);
state.writeUInt32BE(process.pid, 1);
state.writeUIntBE(startOf(process.pid), 5, 6);

function say(dataDir: string, isWriting: 0 | 1): void {
  const folder = join(dataDir, OPENINGS);
  state[0] = isWriting;
  try {
    if (mkdirSync(folder, { recursive: true }) !== undefined) giveToOwner(folder, dataDir);
    // A link would lead a command of the superuser to write elsewhere.
    if (!lstatSync(folder).isDirectory()) return;
    const path = join(folder, 'writing');
    const file = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW);
    writeSync(file, state);
    closeSync(file);
    giveToOwner(path, dataDir);
  } catch {
    // Nothing of this release depends on it.
  }
}
