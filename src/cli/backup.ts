/** `spyglass backup DIR`. */
import { resolve } from 'node:path';
import type { BackupReport } from '../store/offline/backup.js';
import { dataDirOf, type Where } from './config-file.js';
import { onStore } from './on-store.js';

export async function backup(dir: string, where: Where): Promise<void> {
  const dataDir = await dataDirOf(where);
  const target = resolve(dir);
  const { assertTarget, backupStore } = await import('../store/offline/backup.js');
  assertTarget(dataDir, target);
  const report = await onStore(
    dataDir,
    { command: 'backup' },
    'replay chunks',
    (collector, onProgress) => collector.withCopy((copy) => backupStore(copy, target, onProgress)),
    (onProgress) => backupStore(dataDir, target, onProgress),
  );
  tellCopied(target, report);
}

export function tellCopied(target: string, { events, head, chunks }: BackupReport): void {
  console.log(`ok  ${target}: ${events} events up to id ${head}, ${chunks} replay chunks`);
}
