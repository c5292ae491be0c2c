/** The start of a gzip stream, against zlib. */
import { randomBytes } from 'node:crypto';
import { gzipSync, constants as zlib } from 'node:zlib';
import t from 'tap';
import { inflateStart } from '../../src/ingest/inflate-start.js';
import { FIXED_BLOCK, gzipOfBits, symbolWithoutLength } from '../security/gzip-bits.js';

const MAX = 4_096;
const text = (length: number, letters: number) =>
  Buffer.from(Array.from({ length }, (_, index) => 97 + ((index * 7 + (index >> 3) * 13) % letters)));
const STRATEGIES = [zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED];

t.test('gives the first bytes, however they were compressed', async (t) => {
  for (const raw of [...[0, 1, 511, 4_096, 60_000].map((length) => text(length, 17)), randomBytes(9_000)]) {
    for (let level = 0; level <= 9; level++) {
      for (const strategy of STRATEGIES) {
        const start = inflateStart(gzipSync(raw, { level, strategy }), MAX);
        if (!start.equals(raw.subarray(0, MAX))) t.fail(`${raw.length} bytes, ${level}, ${strategy}`);
      }
    }
  }
});

t.test('a stream that is cut short gives what there is', async (t) => {
  const raw = text(3_000, 23);
  const gzip = gzipSync(raw);
  let last = 0;
  for (let end = 0; end <= gzip.length; end++) {
    const start = inflateStart(gzip.subarray(0, end), MAX);
    if (!start.equals(raw.subarray(0, start.length)) || start.length < last) t.fail(`${end} bytes`);
    last = start.length;
  }
  t.equal(last, raw.length);
});

t.test('no damage makes it throw or give more than it may', async (t) => {
  const gzip = gzipSync(text(20_000, 20));
  for (let run = 0; run < 2_000; run++) {
    const damaged = Buffer.from(gzip);
    for (let i = 0; i < 3; i++) damaged[10 + ((run * 31 + i * 97) % 400)] = (run * 7 + i * 101) % 256;
    t.ok(inflateStart(damaged, MAX).length <= MAX || t.fail(`run ${run}`));
  }
  t.equal(inflateStart(randomBytes(500), MAX).length, 0, 'no gzip at all');
  t.equal(inflateStart(Buffer.alloc(0), MAX).length, 0);
});

t.test('optional fields of the header are skipped', async (t) => {
  const plain = gzipSync('hello');
  const withFields = (flags: number, fields: Buffer) => {
    const head = Buffer.from(plain.subarray(0, 10));
    head[3] = flags;
    return Buffer.concat([head, fields, plain.subarray(10)]);
  };
  const extra = Buffer.from([3, 0, 1, 2, 3]);
  const name = Buffer.from('a.json\0');
  t.equal(inflateStart(withFields(4, extra), MAX).toString(), 'hello');
  t.equal(inflateStart(withFields(8, name), MAX).toString(), 'hello');
  t.equal(
    inflateStart(withFields(30, Buffer.concat([extra, name, name, extra.subarray(0, 2)])), MAX).toString(),
    'hello',
  );
  t.equal(inflateStart(withFields(8, Buffer.from('never ends')).fill(1, 10), MAX).length, 0);
});

const HEADER = gzipSync('').subarray(0, 10);

/** Counts how often the stream is read. */
function readsOf(stream: Buffer): number {
  let reads = 0;
  const counted = new Proxy(stream, {
    get(target, property) {
      reads++;
      return Reflect.get(target, property, target);
    },
  });
  inflateStart(counted, MAX);
  return reads;
}

t.test('blocks that hold nothing are not followed for ever', async (t) => {
  const empty = Buffer.from([0, 0, 0, 255, 255]);
  const reads = readsOf(Buffer.concat([HEADER, ...Array.from({ length: 10_000 }, () => empty)]));
  t.ok(reads < 1_000, `${reads} reads`);
});

t.test('symbols that put out nothing are not followed for ever', async (t) => {
  for (const symbol of [286, 287]) {
    const stream = gzipOfBits(FIXED_BLOCK, symbolWithoutLength(symbol), 80_000);
    t.equal(inflateStart(stream, MAX).toString(), 'a', `${symbol}`);
    const reads = readsOf(stream);
    t.ok(reads < 100, `${reads} reads`);
  }
});
