/** Remembers the record batches read last: whoever watches the newest events, errors or a session comes back to the same ones. */
import type { Log } from '../../log/batches/log.js';
import type { RecordBatch } from '../../log/batches/record-batch.js';

/** Of batches as they are stored, unpacked; with the strings made of them they take several times that. */
const BYTES_MAX = 2 * 1_048_576;

/** The same log, but for reads alone. A batch never changes and its id is never given again, so nothing here goes stale. */
export function rememberBatches(log: Log): Log {
  const known = new Map<number, RecordBatch>();
  let bytes = 0;

  const remember = (batch: RecordBatch): void => {
    if (batch.bytes > BYTES_MAX / 2) return;
    known.set(batch.offset, batch);
    bytes += batch.bytes;
    if (bytes <= BYTES_MAX) return;
    for (const [offset, old] of known) {
      known.delete(offset);
      bytes -= old.bytes;
      if (bytes <= BYTES_MAX / 2) return;
    }
  };

  return {
    ...log,
    batch(ref) {
      const recent = known.get(ref.offset);
      if (recent) return recent;
      const batch = log.batch(ref);
      remember(batch);
      return batch;
    },
  };
}
