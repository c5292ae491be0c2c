/** `spyglass restore DIR`. */
import { resolve } from 'node:path';
import { tellCopied } from './backup.js';
import { dataDirOf, type Where } from './config-file.js';
import { CommandFailure } from './failure.js';
import { withProgress } from './progress.js';

/** A backup is a store: once verified, it is backed up into the place of the data folder. */
export async function restore(dir: string, where: Where): Promise<void> {
  const source = resolve(dir);
  const dataDir = await dataDirOf(where);
  const [{ verifyStore }, { assertTarget, backupStore }, { takeStore }] = await Promise.all([
    import('../store/offline/verify.js'),
    import('../store/offline/backup.js'),
    import('../store/offline/take-store.js'),
  ]);
  assertTarget(source, dataDir);
  const lock = await takeStore(source);
  try {
    const { problem, isUnfinished } = await withProgress('verify', 'events', (onProgress) =>
      verifyStore(source, onProgress),
    );
    // An unfinished fold or sweep is no damage: the next collector continues it.
    if (problem !== undefined && !isUnfinished)
      throw new CommandFailure(`${source} is not whole, nothing was restored: ${problem}`);
    const report = await withProgress('restore', 'replay chunks', (onProgress) =>
      backupStore(source, dataDir, onProgress),
    );
    tellCopied(dataDir, report);
    if (problem !== undefined) console.log(`    not compared: ${problem}`);
  } finally {
    await lock?.release();
  }
}
