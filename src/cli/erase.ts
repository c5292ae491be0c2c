/** `spyglass erase`: removes a user from a store, and says what was erased. */
import { ProblemError } from '../domain/problems.js';
import type { WouldErase } from '../questions/before-erasure.js';
import type { EraseReport, Erasure } from '../store/port.js';
import { dataDirOf, type Where } from './config-file.js';
import { CommandFailure } from './failure.js';
import { eraseOnClickhouse, wouldEraseOnClickhouse } from './on-clickhouse.js';
import { onStore } from './on-store.js';
import { mib } from './units.js';

export interface EraseOptions extends Where {
  user: string;
  app?: string;
  dryRun?: true;
  /** Asks nobody. */
  yes?: true;
}

/** Asks first where a person sits at a terminal; a script is taken at its word. */
export async function erase({ user, app, dryRun, yes, ...where }: EraseOptions): Promise<void> {
  const erasure = app === undefined ? { user } : { user, app };
  const found = await wouldErase(where, erasure).catch(asFailure);
  if (dryRun) {
    console.log(`${toldOf(erasure, found)}\nNothing was erased: --dry-run only says what would be.`);
    return;
  }
  if (!yes && process.stdin.isTTY && process.stdout.isTTY && !(await confirms(toldOf(erasure, found))))
    throw new CommandFailure('nothing was erased');
  const receipt = (await eraseOnClickhouse(where, erasure)) ?? (await eraseInFolder(where, erasure));
  const from = app === undefined ? 'every app' : `app ${app}`;
  console.log(
    [
      `ok  user ${JSON.stringify(user)} was erased from ${from}`,
      `  events    ${receipt.events}, of ${receipt.sessions} sessions`,
      `  replays   ${receipt.chunks} chunks, all that these sessions had`,
      '  answers   gone from every one, at once',
      `  disk      ${onDisk(receipt)}`,
      '  elsewhere backups and exports made before still have it',
    ].join('\n'),
  );
}

function onDisk({ bytesBefore, bytesAfter, goneFromDiskAt }: EraseReport): string {
  if (goneFromDiskAt !== undefined)
    return `not yet: the engine keeps replaced files until about ${new Date(goneFromDiskAt).toISOString()}`;
  return `gone: the data file was rewritten, ${mib(bytesAfter)} (was ${mib(bytesBefore)})`;
}

function toldOf({ user, app }: Erasure, found: WouldErase): string {
  const { events = 'very many', sessions, chunks, areMoreChunks } = found;
  return [
    `user ${JSON.stringify(user)} in ${app === undefined ? 'every app' : `app ${app}`} has`,
    `  events    ${events}, of ${sessions} sessions`,
    `  replays   ${areMoreChunks ? 'at least ' : ''}${chunks} chunks, all that these sessions have`,
  ].join('\n');
}

async function confirms(told: string): Promise<boolean> {
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${told}\nErase all of it, for good? [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}

async function wouldErase(where: Where, erasure: Erasure): Promise<WouldErase> {
  const found = await wouldEraseOnClickhouse(where, erasure);
  if (found !== undefined) return found;
  const dataDir = await dataDirOf(where);
  return onStore(
    dataDir,
    { command: 'erase_preview', ...erasure },
    'events',
    (collector, onProgress) => collector.answer(onProgress),
    async (onProgress) => {
      const [{ openLmdbStore }, { wouldErase }, { pendingErasures }] = await Promise.all([
        import('../store/open-in-process.js'),
        import('../questions/before-erasure.js'),
        import('../store/offline/erasures.js'),
      ]);
      const store = await openLmdbStore({ dataDir, onProgress });
      return wouldErase(store, erasure, pendingErasures(dataDir)).finally(store.close);
    },
  );
}

function asFailure(error: Error): never {
  throw error instanceof ProblemError ? new CommandFailure(error.message) : error;
}

async function eraseInFolder(where: Where, erasure: Erasure) {
  const dataDir = await dataDirOf(where);
  return onStore(
    dataDir,
    { command: 'erase', ...erasure },
    'events',
    (collector, onProgress) => collector.answer(onProgress),
    async (onProgress) => (await import('../store/offline/erase.js')).eraseUser(dataDir, erasure, onProgress),
  );
}
