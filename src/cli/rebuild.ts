/** `spyglass rebuild`. */
import { dataDirOf, type Where } from './config-file.js';
import { rebuildClickhouse } from './on-clickhouse.js';
import { onStore } from './on-store.js';

export async function rebuild(where: Where): Promise<void> {
  if (await rebuildClickhouse(where)) return;
  const dataDir = await dataDirOf(where);
  const head = await onStore(
    dataDir,
    { command: 'rebuild' },
    'events',
    async (collector, onProgress) => (await collector.answer(onProgress)).head,
    async (onProgress) => (await import('../store/offline/rebuild.js')).rebuildStore(dataDir, onProgress),
  );
  console.log(`ok  ${dataDir}: every view rebuilt from the log, up to id ${head}`);
}
