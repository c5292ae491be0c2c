/** The embedded engine on the calling thread, for commands and tests. */
import { openChunkFiles } from '../replay/files.js';
import type { ReadOptions } from './answers/scope.js';
import { composeStore, type Later, type LaterReads } from './compose.js';
import { openHeads } from './heads.js';
import { finishErasures } from './offline/exclusive.js';
import type { AppendResult, OnProgress, WritableStore } from './port.js';
import { liveReadSide, openWriteSide } from './sides.js';

export interface LmdbStoreOptions {
  dataDir: string;
  onProgress?: OnProgress;
  /** For tests: other bounds of answers. */
  reading?: ReadOptions;
  /** Unix ms; what retention and the memory of batch_ids go by. */
  now?: () => number;
}

/** The same functions, asynchronous; each calls `before` first. */
function later<T extends object>(sync: T, before: () => void): Later<T> {
  const entries = Object.entries(sync).map(([name, call]) => [
    name,
    async (...args: unknown[]) => {
      before();
      return (call as (...args: unknown[]) => unknown)(...args);
    },
  ]);
  return Object.fromEntries(entries) as Later<T>;
}

/** Opens the store in `dataDir`, for the holder of the writer lock. Throws `StoreUnusable`. */
export async function openLmdbStore(options: LmdbStoreOptions): Promise<WritableStore> {
  const { dataDir, onProgress = () => {}, now = Date.now } = options;
  await finishErasures(dataDir, onProgress);
  let fail: (error: Error) => void = () => {};
  const failed = new Promise<Error>((resolve) => {
    fail = resolve;
  });
  const { env, log, close, head, ...write } = openWriteSide(dataDir, { onProgress, onFailure: fail });
  const { read, renew } = liveReadSide(env, log, options.reading);
  const heads = openHeads(head());
  const store = composeStore({
    write: later(write, () => {}),
    read: later(read, renew) as LaterReads,
    reads: () => ({ waiting: 0, refused: 0, deaths: 0 }),
    files: openChunkFiles(dataDir),
    queue: () => ({ queue_requests: 0, queue_bytes: 0 }),
    onCommit: heads.onCommit,
    failed,
    now,
    close,
  });
  return {
    ...store,
    async append(batches) {
      const settled = write.commit(batches);
      heads.tell(head());
      return settled.map(
        (one): PromiseSettledResult<AppendResult> =>
          'error' in one
            ? { status: 'rejected', reason: one.error }
            : { status: 'fulfilled', value: one.result },
      );
    },
  };
}
