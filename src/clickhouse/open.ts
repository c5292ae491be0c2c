/** Opens the engine for a collector: the store, the ingest queue, the audit trail. */
import type { Config } from '../config/config.js';
import { openAudit } from './audit.js';
import { openIngest } from './ingest.js';
import { type ClickhouseStoreOptions, openClickhouseStore } from './store.js';

type ClickhouseConfig = Extract<Config['store'], { engine: 'clickhouse' }>;

/** What tests override: the clock, the ids, how far the stream trails. */
export type ClickhouseTuning = Omit<ClickhouseStoreOptions, keyof ClickhouseConfig>;

/** Throws `ClickhouseUnusable`. */
export async function openClickhouse(
  settings: ClickhouseConfig,
  config: Pick<Config, 'apps' | 'limits'>,
  tuning: ClickhouseTuning,
) {
  const { engine, erase, isUp, ...store } = await openClickhouseStore({ ...settings, ...tuning });
  const queue = openIngest(store, config);
  return {
    store: {
      ...store,
      failed: Promise.race([store.failed, queue.failed]),
      stats: async () => ({ ...(await store.stats()), ...queue.sizes() }),
      async close() {
        await queue.close();
        await store.close();
      },
    },
    ingest: queue.ingest,
    configure: queue.configure,
    audit: openAudit(engine),
    /** Whether the engine answered the last request. */
    isOpen: isUp,
    erase,
  };
}
