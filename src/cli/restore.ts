/** `spyglass restore DIR`. */
import { resolve } from 'node:path';
import { tellCopied } from './backup.js';
import { dataDirOf, type Where } from './config-file.js';
import { CommandFailure } from './failure.js';
import { withProgress } from './progress.js';

/** A backup is a store, so to restore one is to back it up into the place of the data folder, once it is known to be whole. */
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
    // A backup of a collector amid a fold or a sweep is as good as any: whoever starts on it goes on.
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
