/** The engine as a collector runs on it: the store, the way in, and what else keeps something. */
import type { Config } from '../config/config.js';
import type { Ingest } from '../ingest/types.js';
import type { AuditTrail, EraseReport, Erasure, Store } from '../store/port.js';
import { openAudit } from './audit.js';
import { type IngestQueue, openIngest } from './ingest.js';
import { type ClickhouseStoreOptions, openClickhouseStore } from './store.js';

type ClickhouseConfig = Extract<Config['store'], { engine: 'clickhouse' }>;

/** What tests change: the clock, the ids, how far the stream trails. */
export type ClickhouseTuning = Omit<ClickhouseStoreOptions, keyof ClickhouseConfig>;

interface OpenedClickhouse {
  store: Store;
  ingest: Ingest;
  configure: IngestQueue['configure'];
  audit: AuditTrail;
  /** Whether the engine answers. */
  isOpen: () => boolean;
  erase: (erasure: Erasure) => Promise<EraseReport>;
  freeBytes: () => number;
}

/** Throws `ClickhouseUnusable`. */
export async function openClickhouse(
  place: ClickhouseConfig,
  config: Pick<Config, 'apps' | 'limits'>,
  tuning: ClickhouseTuning,
): Promise<OpenedClickhouse> {
  const { engine, erase, isUp, ...store } = await openClickhouseStore({ ...place, ...tuning });
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
