/** Rows that are lent, against rows of their own. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { type Entry, openEnv, type Range } from '../../../src/log/file/env.js';

const ROWS = 300;
/** Some fit a page, some do not, and the last are longer than its memory for compressed values at first. */
const valueBytes = (row: number): number => (row % 50 === 49 ? 40_000 : (row * 37) % 4_500);

const bytesOf = ({ key, value }: Entry): string => `${key.toString('hex')} ${value.toString('hex')}`;

t.test('lent rows are the rows of the range, one after the other', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'spyglass-env-'));
  const env = openEnv(dir, { mode: 'write' });
  t.teardown(async () => {
    await env.close();
    await rm(dir, { recursive: true, force: true });
  });
  for (const table of [env.table('plain'), env.table('packed', { compressed: true })]) {
    env.transaction(() => {
      for (let row = 0; row < ROWS; row++) {
        const key = Buffer.alloc(2 + (row % 3), row & 0xff);
        key.writeUInt16BE(row);
        table.put(key, row % 2 === 0 ? randomBytes(valueBytes(row)) : Buffer.alloc(valueBytes(row), row));
      }
    });
    env.renewSnapshot();
    const low = Buffer.from([0, 3]);
    const high = Buffer.from([1, 20]);
    const ranges: (Range & { start: Buffer; end: Buffer })[] = [
      { start: Buffer.from([0]), end: Buffer.from([0xff]) },
      { start: low, end: high },
      { start: low, end: high, limit: 7 },
      { start: high, end: low, reverse: true },
      { start: high, end: low, reverse: true, limit: 1 },
      { start: high, end: high },
    ];
    for (const range of ranges) {
      const own = Array.from(table.range(range), bytesOf);
      const lent: string[] = [];
      for (const row of table.scan(range)) {
        lent.push(bytesOf(row));
        // It may overwrite the row, and must not move where the scan goes on.
        const key = Buffer.from(row.key);
        const own = table.get(key)?.toString('hex');
        if (table.lend(key)?.toString('hex') !== own) t.fail(`${key.toString('hex')} is lent as it is`);
      }
      t.same(lent, own, `${table.name}: ${own.length} rows`);
    }
    t.equal(table.lend(Buffer.from([9, 9, 9, 9])), undefined);
    t.ok([...table.range(ranges[0] as Range)].length === ROWS, 'which are all there are');
    for (const row of table.scan({ start: low, end: high })) {
      t.equal(row.key.toString('hex'), '0003');
      break;
    }
    t.equal(
      [...table.keys({ start: low, limit: 1 })][0]?.toString('hex'),
      '0003',
      'one cut off leaves nothing open',
    );
  }
});
