/** `spyglass compact`. */
import { dataDirOf, type Where } from './config-file.js';
import { onStore } from './on-store.js';
import { mib } from './units.js';

/** Gives the disk back what retention and erasures have deleted. */
export async function compact(where: Where): Promise<void> {
  const dataDir = await dataDirOf(where);
  const { bytesBefore, bytesAfter } = await onStore(
    dataDir,
    { command: 'compact' },
    'rows',
    (collector, onProgress) => collector.answer(onProgress),
    async (onProgress) => (await import('../store/offline/compact.js')).compactStore(dataDir, onProgress),
  );
  console.log(`ok  ${dataDir}: the data file takes ${mib(bytesAfter)}, before ${mib(bytesBefore)}`);
}
