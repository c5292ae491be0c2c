/** Caches the record batches that were read last: repeated reads of the newest events need the same ones. */
import type { Log } from '../../log/batches/log.js';
import type { RecordBatch } from '../../log/batches/record-batch.js';
import type { Deadline } from './deadline.js';

/** Bytes of decompressed batches and their objects; the strings made from them take several times as much. */
const BYTES_MAX = 2 * 1_048_576;
/** What a batch takes besides its bytes: three typed arrays and two objects. */
const OBJECT_BYTES = 1_536;
/** From this size on reading a batch takes so long that the clock is looked at. */
const LARGE_BYTES = 65_536;

/**
 * The same log, for reads only; each batch is a step of the read's deadline. Batches never change and ids are
 * not reused: the cache is never stale.
 */
export function cachingLog(log: Log, { check, checkNow }: Deadline): Log {
  const cache = new Map<number, RecordBatch>();
  let bytes = 0;

  const add = (batch: RecordBatch): void => {
    if (batch.bytes > BYTES_MAX / 2) return;
    cache.set(batch.offset, batch);
    bytes += batch.bytes + OBJECT_BYTES;
    if (bytes <= BYTES_MAX) return;
    for (const [offset, old] of cache) {
      cache.delete(offset);
      bytes -= old.bytes + OBJECT_BYTES;
      if (bytes <= BYTES_MAX / 2) return;
    }
  };

  return {
    ...log,
    batch(ref) {
      const recent = cache.get(ref.offset);
      if (recent) return recent;
      const batch = log.batch(ref);
      if (batch.bytes < LARGE_BYTES) check();
      else checkNow();
      add(batch);
      return batch;
    },
  };
}
