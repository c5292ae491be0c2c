/** Opens the engine for a collector: the store, the ingest queue, the audit trail. */
import type { Config } from '../config/config.js';
import type { Ingest } from '../ingest/types.js';
import type { AuditTrail, EraseReport, Erasure, Store } from '../store/port.js';
import { openAudit } from './audit.js';
import { type IngestQueue, openIngest } from './ingest.js';
import { type ClickhouseStoreOptions, openClickhouseStore } from './store.js';

type ClickhouseConfig = Extract<Config['store'], { engine: 'clickhouse' }>;

/** What tests override: the clock, the ids, how far the stream trails. */
export type ClickhouseTuning = Omit<ClickhouseStoreOptions, keyof ClickhouseConfig>;

interface OpenedClickhouse {
  store: Store;
  ingest: Ingest;
  configure: IngestQueue['configure'];
  audit: AuditTrail;
  /** Whether the engine answered the last request. */
  isOpen: () => boolean;
  erase: (erasure: Erasure) => Promise<EraseReport>;
  freeBytes: () => number;
}

/** Throws `ClickhouseUnusable`. */
export async function openClickhouse(
  settings: ClickhouseConfig,
  config: Pick<Config, 'apps' | 'limits'>,
  tuning: ClickhouseTuning,
): Promise<OpenedClickhouse> {
  const { engine, erase, isUp, ...store } = await openClickhouseStore({ ...settings, ...tuning });
  const queue = openIngest(store, config);
  return {
    store: {
      ...store,
      stats: async () => ({ ...(await store.stats()), ...queue.sizes() }),
      async close() {
        await queue.idle();
        await store.close();
      },
    },
    ingest: queue.ingest,
    configure: queue.configure,
    audit: openAudit(engine),
    isOpen: isUp,
    erase,
    freeBytes: () => Number.MAX_SAFE_INTEGER,
  };
}
