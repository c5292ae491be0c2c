/** `spyglass backup DIR`. */
import { resolve } from 'node:path';
import type { BackupReport } from '../store/offline/backup.js';
import { dataDirOf, type Where } from './config-file.js';
import { onStore } from './on-store.js';
import { withProgress } from './progress.js';

export async function backup(dir: string, where: Where): Promise<void> {
  const dataDir = await dataDirOf(where);
  const target = resolve(dir);
  const { assertTarget, backupStore } = await import('../store/offline/backup.js');
  assertTarget(dataDir, target);
  const report = await withProgress('backup', 'replay chunks', (onProgress) => {
    const copyFrom = (source: string) => backupStore(source, target, onProgress);
    return onStore(
      dataDir,
      { command: 'backup' },
      (collector) => collector.withCopy(copyFrom),
      () => copyFrom(dataDir),
    );
  });
  tellCopied(target, report);
}

export function tellCopied(target: string, { events, head, chunks }: BackupReport): void {
  console.log(`ok  ${target}: ${events} events up to id ${head}, ${chunks} replay chunks`);
}
