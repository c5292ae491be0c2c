/** Opens the engine for a collector: the store, the ingest queue, the audit trail. */
import type { Config } from '../config/config.js';
import { openAudit } from './audit.js';
import { CLOCK_APART_MS, type Clocks } from './clocks.js';
import { openIngest } from './ingest.js';
import { type ClickhouseStoreOptions, openClickhouseStore } from './store.js';

type ClickhouseConfig = Extract<Config['store'], { engine: 'clickhouse' }>;

/** What tests override: the clock, the ids, how far the stream trails. */
export type ClickhouseTuning = Omit<ClickhouseStoreOptions, keyof ClickhouseConfig>;

/** What the operator is told. */
type OnNotice = (notice: { level: 'info' | 'warn' | 'error'; text: string }) => void;

/** How often to look for erasures that were cut off, and at the clocks. */
const LOOK_MS = 60_000;

/** Throws `ClickhouseUnusable`. */
export async function openClickhouse(
  settings: ClickhouseConfig,
  config: Pick<Config, 'apps' | 'limits'>,
  tuning: ClickhouseTuning,
  onNotice: OnNotice = () => {},
) {
  const { engine, erase, isUp, resumeErasures, clocks, ...store } = await openClickhouseStore({
    ...settings,
    ...tuning,
  });
  const queue = openIngest(store, config, (text) => onNotice({ level: 'error', text }));
  const jobs = [keepResuming(resumeErasures, onNotice), keepComparing(clocks, onNotice)];
  return {
    store: {
      ...store,
      failed: Promise.race([store.failed, queue.failed]),
      stats: async () => ({
        ...(await store.stats()),
        ...queue.sizes(),
        ahead_of_engine_seconds: clocks.aheadMs() / 1_000,
      }),
      async close() {
        for (const stop of jobs) stop();
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

/** Notes this collector's clock, now and every minute, and says when it begins to be off the engine's. */
function keepComparing(clocks: Clocks, onNotice: OnNotice): () => void {
  let wasOff = false;
  const run = async (): Promise<void> => {
    await clocks.note();
    const seconds = Math.round(clocks.aheadMs() / 1_000);
    const isOff = Math.abs(clocks.aheadMs()) > CLOCK_APART_MS;
    if (isOff && !wasOff) {
      const side = seconds > 0 ? 'ahead of' : 'behind';
      const text = `the clock is ${Math.abs(seconds)} s ${side} ClickHouse's: retention goes by the lesser of that and the collectors' median`;
      onNotice({ level: 'warn', text });
    }
    wasOff = isOff;
  };
  // While the engine is away there is nothing to compare with.
  const look = () => void run().catch(() => {});
  look();
  const timer = setInterval(look, LOOK_MS).unref();
  return () => clearInterval(timer);
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
  const timer = setInterval(() => void run(), LOOK_MS).unref();
  return () => {
    isStopped = true;
    clearInterval(timer);
  };
}
