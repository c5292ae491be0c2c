/** `spyglass rebuild`. */
import { dataDirOf, type Where } from './config-file.js';
import { rebuildClickhouse } from './on-clickhouse.js';
import { startProgress } from './progress.js';

export async function rebuild(where: Where): Promise<void> {
  if (await rebuildClickhouse(where)) return;
  const dataDir = await dataDirOf(where);
  const { rebuildStore } = await import('../store/offline/rebuild.js');
  const progress = await startProgress('rebuild', 'events');
  const head = await rebuildStore(dataDir, ({ done, total }) => progress.update(done, total)).finally(
    progress.stop,
  );
  console.log(`ok  ${dataDir}: every view rebuilt from the log, up to id ${head}`);
}
