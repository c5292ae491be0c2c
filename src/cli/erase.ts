/** `spyglass erase`: removes a user from a store, and says what was erased. */
import type { EraseReport, Erasure } from '../store/port.js';
import { dataDirOf, type Where } from './config-file.js';
import { eraseOnClickhouse } from './on-clickhouse.js';
import { onStore } from './on-store.js';
import { mib } from './units.js';

export interface EraseOptions extends Where {
  user: string;
  app?: string;
}

export async function erase({ user, app, ...where }: EraseOptions): Promise<void> {
  const erasure = app === undefined ? { user } : { user, app };
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
