/** Size, encoding, inflation and UTF-8 of a body. */
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { cutText } from '../../src/domain/event.js';
import { decodeBody } from '../../src/ingest/body.js';

const decode = (body: Uint8Array, encoding?: string, max = 1_000) =>
  decodeBody({ body, receivedAt: 0, ...(encoding === undefined ? {} : { encoding }) }, max);

t.test('a body may be as large as the limit and no larger', async (t) => {
  t.equal(decode(Buffer.alloc(1_000, 'x')).json?.length, 1_000);
  t.equal(decode(Buffer.alloc(1_001, 'x')).refusal?.code, 'body_too_large');
});

t.test('the limit holds after decompression too', async (t) => {
  t.equal(decode(gzipSync(Buffer.alloc(1_000, 'x')), 'gzip').json?.length, 1_000);
  t.equal(decode(gzipSync(Buffer.alloc(1_001, 'x')), 'gzip').refusal?.code, 'body_too_large');
  t.equal(decode(gzipSync(Buffer.alloc(500_000, 'x')), 'gzip').refusal?.code, 'body_too_large');
});

t.test('a gzip stream is inflated, one without compression taken as it is', async (t) => {
  const text = '{"a":"é"}';
  t.equal(decode(gzipSync(text), 'gzip').json?.toString(), text);
  t.equal(decode(gzipSync(text), 'x-gzip').json?.toString(), text);
  t.equal(decode(Buffer.from(text), 'identity').json?.toString(), text);
  t.equal(decode(Buffer.from(text), '').json?.toString(), text);
});

t.test('what is no gzip stream is a 400', async (t) => {
  const cut = gzipSync('x'.repeat(100)).subarray(0, -5);
  const broken = Buffer.from(gzipSync('x'.repeat(100)));
  broken.writeUInt32LE(0, broken.length - 8);
  for (const bytes of [Buffer.alloc(0), Buffer.from('{}'), Buffer.from([0x1f, 0x8b]), cut, broken]) {
    t.equal(decode(bytes, 'gzip').refusal?.code, 'bad_request');
  }
});

t.test('any other encoding is a 415, though only after the size', async (t) => {
  for (const encoding of ['br', 'deflate', 'zstd', 'gzip, gzip', 'identity, br']) {
    t.equal(decode(Buffer.from('{}'), encoding).refusal?.code, 'unsupported_encoding');
    t.equal(decode(Buffer.alloc(1_001), encoding).refusal?.code, 'body_too_large');
  }
});

t.test('invalid UTF-8 is a 400, inflated or not', async (t) => {
  const surrogate = [0xed, 0xa0, 0x80];
  for (const bytes of [[0xff], [0xc3], [0xc0, 0x80], surrogate, [0xf5, 0x80, 0x80, 0x80]]) {
    const body = Buffer.concat([Buffer.from('{"a":"'), Buffer.from(bytes), Buffer.from('"}')]);
    t.equal(decode(body).refusal?.code, 'invalid_json');
    t.equal(decode(gzipSync(body), 'gzip').refusal?.code, 'invalid_json');
  }
});

t.test('a body that is a part of a larger buffer is read alone', async (t) => {
  const whole = new Uint8Array(Buffer.from('xx{"a":1}xx'));
  t.equal(decode(whole.subarray(2, -2)).json?.toString(), '{"a":1}');
});

t.test('text is cut between code points', async (t) => {
  t.equal(cutText('abc', 3), 'abc');
  t.equal(cutText('abcd', 3), 'abc');
  t.equal(cutText('ab😀', 4), 'ab😀');
  t.equal(cutText('ab😀', 3), 'ab');
  t.equal(cutText('😀😀', 2), '😀');
  t.equal(cutText('😀', 1), '');
  t.equal(cutText('€€€', 2), '€€');
});
