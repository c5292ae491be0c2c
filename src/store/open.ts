/**
 * Opens the store as the collector runs it: an ingest thread, a writer thread, and reader threads; heavy
 * reads have a thread of their own, at a lower priority.
 */
import type { Config } from '../config/config.js';
import { openChunkFiles } from '../replay/files.js';
import { newMeterMemory } from '../telemetry/meters.js';
import { composeStore } from './compose.js';
import type { OnProgress } from './port.js';
import type { OpenedFolder } from './reopenable.js';
import type { Notice } from './threads/messages.js';
import { type ReadersOptions, startReaders } from './threads/readers.js';
import { startWriteThreads } from './threads/write-threads.js';

export interface OpenStoreOptions extends Pick<Config, 'dataDir' | 'apps' | 'limits'> {
  onProgress?: OnProgress;
  onNotice?: (notice: Notice) => void;
  /** Where the threads keep what they measure (`openMeters`). */
  meterMemory?: Float64Array;
  /** For tests: other bounds of reads. */
  readers?: Partial<ReadersOptions>;
  /** Unix ms. */
  now?: () => number;
}

/** Opens the store and its ingest, for the holder of the writer lock. Throws `StoreUnusable`. */
export async function openStore(options: OpenStoreOptions): Promise<OpenedFolder> {
  const { dataDir, apps, limits, onProgress = () => {}, onNotice = () => {}, now = Date.now } = options;
  const { meterMemory = newMeterMemory() } = options;
  const threads = await startWriteThreads({ dataDir, apps, limits, onProgress, onNotice, meterMemory });
  const readers = startReaders({ dataDir, caughtUp: threads.caughtUp, onNotice, ...options.readers });
  const store = composeStore({
    write: threads.write,
    read: readers.read,
    reads: readers.state,
    files: openChunkFiles(dataDir),
    queue: threads.queue.sizes,
    onCommit: threads.onCommit,
    failed: threads.failed,
    now,
    async close() {
      await threads.idle();
      await readers.close();
      await threads.close();
    },
  });
  return {
    store,
    ingest: threads.queue.ingest,
    configure: threads.configure,
    exportPage: readers.read.exportPage,
    caughtUp: threads.caughtUp,
  };
}
