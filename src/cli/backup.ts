/** `spyglass backup DIR`. */
import { resolve } from 'node:path';
import { dataDirOf, type Where } from './config-file.js';
import { startProgress } from './progress.js';

export async function backup(dir: string, where: Where): Promise<void> {
  const dataDir = await dataDirOf(where);
  const target = resolve(dir);
  const { backupStore } = await import('../store/offline/backup.js');
  const progress = await startProgress('backup', 'replay chunks');
  const report = await backupStore(dataDir, target, progress.update).finally(progress.stop);
  console.log(
    `ok  ${target}: ${report.events} events up to id ${report.head}, ${report.chunks} replay chunks`,
  );
}
