/** `spyglass verify`. */

import type { OnProgress } from '../store/port.js';
import { dataDirOf, type Where } from './config-file.js';
import { EXIT_FAILED } from './failure.js';
import { verifyClickhouse } from './on-clickhouse.js';
import { onStore } from './on-store.js';

export interface VerifyOptions extends Where {
  diff?: true;
}

/** Changes listed one by one. */
const CHANGES_MAX = 50;

/** Checks the store and says what it found; a problem, or a change with `diff`, makes the exit code 1. */
export async function verify({ diff, ...where }: VerifyOptions): Promise<void> {
  if (await verifyClickhouse(where)) return;
  const dataDir = await dataDirOf(where);
  const check = diff ? checkDiff : checkStore;
  const [isGood, ...lines] = await onStore(
    dataDir,
    { command: 'verify' },
    'events',
    (collector, onProgress) => collector.withCopy((folder) => check(folder, dataDir, onProgress)),
    (onProgress) => check(dataDir, dataDir, onProgress),
  );
  for (const line of lines) console.log(line);
  if (!isGood) process.exitCode = EXIT_FAILED;
}

/** Whether all is well, and what to say. */
type Verdict = [isGood: boolean, ...lines: string[]];

/** Checks the store, or its copy, in `folder`; `label` is the store's name for the operator. */
async function checkStore(folder: string, label: string, onProgress: OnProgress): Promise<Verdict> {
  const { verifyStore } = await import('../store/offline/verify.js');
  const { problem, events, rows, chunks } = await verifyStore(folder, onProgress);
  if (problem !== undefined) return [false, `NOT OK  ${label}: ${problem}`];
  const counts = `${events} events, ${rows} rows of views as a rebuild makes them, ${chunks} replay chunks`;
  return [true, `ok  ${label}: ${counts}`];
}

async function checkDiff(folder: string, label: string, onProgress: OnProgress): Promise<Verdict> {
  const { diffStore } = await import('../store/offline/diff.js');
  const { asked, changes } = await diffStore(folder, onProgress);
  if (changes.length === 0) return [true, `ok  ${label}: none of ${asked} answers would change`];
  const sum = `${changes.length} of ${asked} answers would change, or cannot be compared`;
  return [false, ...changes.slice(0, CHANGES_MAX), `CHANGES  ${label}: ${sum}`];
}
