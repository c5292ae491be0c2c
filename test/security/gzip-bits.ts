/** Gzip streams made bit by bit, which no encoder makes. */

const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);

/** The head of a last block with the fixed codes, and the letter "a". */
export const FIXED_BLOCK = '11010010001';

/** The code of the symbol 286 or 287, which stands for no length, and that of the distance 1. */
export const symbolWithoutLength = (symbol: number): string =>
  `${(0b11000000 + symbol - 280).toString(2)}00000`;

/** A stream of these bits, in the order in which they are read; `repeated` is repeated up to about so many bytes. */
export function gzipOfBits(first: string, repeated: string, bytes: number): Buffer {
  const head = Math.ceil(first.length / 8);
  const packed = pack(first + repeated.repeat(24));
  // Behind the first bits, as many bytes as `repeated` has bits repeat.
  const period = packed.subarray(head, head + repeated.length);
  return Buffer.concat([HEADER, packed.subarray(0, head), Buffer.alloc(bytes, period)]);
}

function pack(bits: string): Buffer {
  const packed = Buffer.alloc(Math.ceil(bits.length / 8));
  [...bits].forEach((bit, index) => {
    if (bit === '1') packed[index >> 3] = (packed[index >> 3] ?? 0) | (1 << (index & 7));
  });
  return packed;
}
