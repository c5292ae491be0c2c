/** Keys in memory that is used again, and values too short to be a batch. */
import t from 'tap';
import { KEY_BYTES_MAX } from '../../../src/domain/limits.js';
import { DamagedBatch, decodeBatch } from '../../../src/log/batches/record-batch.js';
import { newKeyMemory, putText } from '../../../src/log/file/keys.js';

t.test('a key is as long as what was written, or there is none', async (t) => {
  const keys = newKeyMemory();
  for (const text of ['', 'a', 'grün', '🙂', 'x'.repeat(KEY_BYTES_MAX)])
    t.equal(keys.upTo(putText(keys.bytes, 0, text)).toString('utf8'), text);
  t.throws(() => keys.upTo(putText(keys.bytes, 0, 'x'.repeat(KEY_BYTES_MAX + 1))), RangeError);
});

t.test('a value cut short is damage, whatever its checksum', async (t) => {
  t.throws(() => decodeBatch(Buffer.from([1, 0, 0, 0, 0]), 1, String), DamagedBatch);
});
