/** `spyglass compact`. */
import { dataDirOf, type Where } from './config-file.js';
import { onStore } from './on-store.js';
import { withProgress } from './progress.js';
import { mib } from './units.js';

/** Gives the disk back what retention and erasures have deleted. */
export async function compact(where: Where): Promise<void> {
  const dataDir = await dataDirOf(where);
  const { bytesBefore, bytesAfter } = await withProgress('compact', 'rows', (onProgress) =>
    onStore(
      dataDir,
      { command: 'compact' },
      (collector) => collector.answer(onProgress),
      async () => (await import('../store/offline/compact.js')).compactStore(dataDir, onProgress),
    ),
  );
  console.log(`ok  ${dataDir}: the data file takes ${mib(bytesAfter)}, before ${mib(bytesBefore)}`);
}
