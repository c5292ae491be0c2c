/** `spyglass restore DIR`. */
import { resolve } from 'node:path';
import { dataDirOf, type Where } from './config-file.js';
import { CommandFailure } from './failure.js';
import { startProgress } from './progress.js';

/** A backup is a store, so to restore one is to back it up into the place of the data folder, once it is known to be whole. */
export async function restore(dir: string, where: Where): Promise<void> {
  const source = resolve(dir);
  const dataDir = await dataDirOf(where);
  const [{ verifyStore }, { backupStore }] = await Promise.all([
    import('../store/offline/verify.js'),
    import('../store/offline/backup.js'),
  ]);
  const checking = await startProgress('verify', 'events');
  const { problem, isUnfinished } = await verifyStore(source, ({ done, total }) =>
    checking.update(done, total),
  ).finally(checking.stop);
  // A backup of a collector amid a fold or a sweep is as good as any: whoever starts on it goes on.
  if (problem !== undefined && !isUnfinished)
    throw new CommandFailure(`${source} is not whole, nothing was restored: ${problem}`);
  const copying = await startProgress('restore', 'replay chunks');
  const report = await backupStore(source, dataDir, copying.update).finally(copying.stop);
  console.log(
    `ok  ${dataDir}: ${report.events} events up to id ${report.head}, ${report.chunks} replay chunks`,
  );
  if (problem !== undefined) console.log(`    not compared: ${problem}`);
}
