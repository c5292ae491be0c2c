/** Opens the engine for a collector: the store, the ingest queue, the audit trail. */
import type { Config } from '../config/config.js';
import { openAudit } from './audit.js';
import { openIngest } from './ingest.js';
import { type ClickhouseStoreOptions, openClickhouseStore } from './store.js';

type ClickhouseConfig = Extract<Config['store'], { engine: 'clickhouse' }>;

/** What tests override: the clock, the ids, how far the stream trails. */
export type ClickhouseTuning = Omit<ClickhouseStoreOptions, keyof ClickhouseConfig>;

/** What the operator is told. */
type OnNotice = (notice: { level: 'info' | 'warn'; text: string }) => void;

/** How often to look for erasures that were cut off. */
const RESUME_MS = 60_000;

/** Throws `ClickhouseUnusable`. */
export async function openClickhouse(
  settings: ClickhouseConfig,
  config: Pick<Config, 'apps' | 'limits'>,
  tuning: ClickhouseTuning,
  onNotice: OnNotice = () => {},
) {
  const { engine, erase, isUp, resumeErasures, ...store } = await openClickhouseStore({
    ...settings,
    ...tuning,
  });
  const queue = openIngest(store, config);
  const stopResuming = keepResuming(resumeErasures, onNotice);
  return {
    store: {
      ...store,
      failed: Promise.race([store.failed, queue.failed]),
      stats: async () => ({ ...(await store.stats()), ...queue.sizes() }),
      async close() {
        stopResuming();
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

/** Takes up erasures that were cut off, here or in another collector: now, and every minute. */
function keepResuming(resume: () => Promise<number>, onNotice: OnNotice): () => void {
  let isRunning = false;
  let isStopped = false;
  const run = async (): Promise<void> => {
    if (isRunning) return;
    isRunning = true;
    try {
      const done = await resume();
      if (done > 0) onNotice({ level: 'info', text: `${done} erasures that were cut off are done` });
    } catch (error) {
      const text = `an erasure that was cut off is still not done: ${(error as Error).message}`;
      if (!isStopped) onNotice({ level: 'warn', text });
    }
    isRunning = false;
  };
  void run();
  const timer = setInterval(() => void run(), RESUME_MS).unref();
  return () => {
    isStopped = true;
    clearInterval(timer);
  };
}
