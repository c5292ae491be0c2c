/** `spyglass rebuild`. */
import { dataDirOf, type Where } from './config-file.js';
import { rebuildClickhouse } from './on-clickhouse.js';
import { onStore } from './on-store.js';
import { withProgress } from './progress.js';

export async function rebuild(where: Where): Promise<void> {
  if (await rebuildClickhouse(where)) return;
  const dataDir = await dataDirOf(where);
  const head = await withProgress('rebuild', 'events', (onProgress) =>
    onStore(
      dataDir,
      { command: 'rebuild' },
      async (collector) => (await collector.answer(onProgress)).head,
      async () => (await import('../store/offline/rebuild.js')).rebuildStore(dataDir, onProgress),
    ),
  );
  console.log(`ok  ${dataDir}: every view rebuilt from the log, up to id ${head}`);
}
