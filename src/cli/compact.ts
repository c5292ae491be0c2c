/** `spyglass compact`. */
import { dataDirOf, type Where } from './config-file.js';

/** Gives the disk back what retention and erasures have deleted. */
export async function compact(where: Where): Promise<void> {
  const dataDir = await dataDirOf(where);
  const { compactStore } = await import('../store/offline/compact.js');
  const { bytesBefore, bytesAfter } = await compactStore(dataDir);
  const mib = (bytes: number) => `${(bytes / 1_048_576).toFixed(1)} MiB`;
  console.log(`ok  ${dataDir}: the data file takes ${mib(bytesAfter)}, before ${mib(bytesBefore)}`);
}
