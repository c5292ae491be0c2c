/**
 * Inflates the first bytes of a gzip stream (RFC 1952, 1951) and nothing beyond. The runtime's zlib inflates all
 * it is given or throws: a few hundred bytes of input can be a quarter of a MiB.
 */

const HEADER_BYTES = 10;
const HEADER_CRC = 2;
const EXTRA = 4;
const NAME = 8;
const COMMENT = 16;
const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115,
].concat([131, 163, 195, 227, 258]);
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASE = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1_025,
].concat([1_537, 2_049, 3_073, 4_097, 6_145, 8_193, 12_289, 16_385, 24_577]);
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const CODE_BITS_MAX = 15;
const END_OF_BLOCK = 256;
/** An encoder's first block is longer than what is looked at. Blocks without content would cost work for nothing. */
const BLOCKS_MAX = 16;
/** What codes and block headers may take, beside at most two bytes for each byte that is put out. */
const OVERHEAD_BYTES_MAX = 1_024;

/** A Huffman code: how many codes have each length, and the symbols in the order of their codes. */
interface Code {
  counts: Uint16Array;
  symbols: Uint16Array;
}

/** Thrown at the end of the input, and where it is not what it says. */
class Cut extends Error {}

class Inflater {
  readonly input: Uint8Array;
  readonly out: Buffer;
  at: number;
  length = 0;
  /** Where reading ends, whatever is in between. */
  readonly #end: number;
  #bits = 0;
  #bitCount = 0;

  constructor(input: Uint8Array, at: number, bytesMax: number) {
    this.input = input;
    this.at = at;
    this.out = Buffer.allocUnsafe(bytesMax);
    this.#end = Math.min(input.length, at + 2 * bytesMax + OVERHEAD_BYTES_MAX);
  }

  get isFull(): boolean {
    return this.length === this.out.length;
  }

  /** The next `count` bits, at most 16. */
  take(count: number): number {
    while (this.#bitCount < count) {
      if (this.at >= this.#end) throw CUT;
      this.#bits |= (this.input[this.at++] ?? 0) << this.#bitCount;
      this.#bitCount += 8;
    }
    const value = this.#bits & ((1 << count) - 1);
    this.#bits >>>= count;
    this.#bitCount -= count;
    return value;
  }

  symbol({ counts, symbols }: Code): number {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let bits = 1; bits <= CODE_BITS_MAX; bits++) {
      if (this.#bitCount > 0) {
        code |= this.#bits & 1;
        this.#bits >>>= 1;
        this.#bitCount--;
      } else code |= this.take(1);
      const count = counts[bits] ?? 0;
      if (code - count < first) return symbols[index + code - first] ?? 0;
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw CUT;
  }

  put(byte: number): void {
    if (!this.isFull) this.out[this.length++] = byte;
  }

  stored(): void {
    this.#bits = 0;
    this.#bitCount = 0;
    const length = this.take(16);
    this.take(16);
    for (let i = 0; i < length && !this.isFull; i++) this.put(this.take(8));
  }

  compressed(literals: Code, distances: Code): void {
    while (!this.isFull) {
      const symbol = this.symbol(literals);
      if (symbol === END_OF_BLOCK) return;
      if (symbol < END_OF_BLOCK) this.put(symbol);
      else this.copy(symbol - END_OF_BLOCK - 1, distances);
    }
  }

  copy(lengthCode: number, distances: Code): void {
    const length = (LENGTH_BASE[lengthCode] ?? 0) + this.take(LENGTH_BITS[lengthCode] ?? 0);
    const code = this.symbol(distances);
    const extra = code < 4 ? 0 : (code >> 1) - 1;
    const distance = (DISTANCE_BASE[code] ?? 0) + this.take(extra);
    // Two symbols have a code and no length.
    if (length === 0 || distance === 0 || distance > this.length) throw CUT;
    for (let i = 0; i < length; i++) this.put(this.out[this.length - distance] ?? 0);
  }

  /** Reads a block's own codes. */
  codes(): [literals: Code, distances: Code] {
    const literals = this.take(5) + 257;
    const distances = this.take(5) + 1;
    const count = this.take(4) + 4;
    const ofLengths = new Uint8Array(CODE_LENGTH_ORDER.length);
    for (let i = 0; i < count; i++) ofLengths[CODE_LENGTH_ORDER[i] ?? 0] = this.take(3);
    const code = codeOf(ofLengths);
    const lengths = new Uint8Array(literals + distances);
    for (let at = 0; at < lengths.length; ) {
      const symbol = this.symbol(code);
      if (symbol < 16) {
        lengths[at++] = symbol;
        continue;
      }
      const value = symbol === 16 ? (lengths[at - 1] ?? 0) : 0;
      const times = symbol === 16 ? 3 + this.take(2) : symbol === 17 ? 3 + this.take(3) : 11 + this.take(7);
      lengths.fill(value, at, at + times);
      at += times;
    }
    return [codeOf(lengths.subarray(0, literals)), codeOf(lengths.subarray(literals))];
  }
}

const CUT = new Cut();

function codeOf(lengths: Uint8Array): Code {
  const counts = new Uint16Array(CODE_BITS_MAX + 1);
  for (const length of lengths) counts[length] = (counts[length] ?? 0) + 1;
  counts[0] = 0;
  const offsets = new Uint16Array(CODE_BITS_MAX + 2);
  for (let bits = 1; bits <= CODE_BITS_MAX; bits++) {
    offsets[bits + 1] = (offsets[bits] ?? 0) + (counts[bits] ?? 0);
  }
  const symbols = new Uint16Array(lengths.length);
  lengths.forEach((length, symbol) => {
    if (length === 0) return;
    const at = offsets[length] ?? 0;
    symbols[at] = symbol;
    offsets[length] = at + 1;
  });
  return { counts, symbols };
}

const FIXED_LITERALS = codeOf(
  Uint8Array.from({ length: 288 }, (_, symbol) =>
    symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8,
  ),
);
const FIXED_DISTANCES = codeOf(new Uint8Array(30).fill(5));

/**
 * Up to `bytesMax` first bytes of what was compressed: fewer where the stream is cut short, damaged or in tiny
 * blocks, none where it is no gzip stream. Checksums are not looked at. A second stream behind the first is not read.
 */
export function inflateStart(gzip: Uint8Array, bytesMax: number): Buffer {
  const start = headerEnd(gzip);
  const inflater = new Inflater(gzip, start, start === 0 ? 0 : bytesMax);
  try {
    let isLast = false;
    for (let blocks = 0; blocks < BLOCKS_MAX && !isLast && !inflater.isFull; blocks++) {
      isLast = inflater.take(1) === 1;
      const kind = inflater.take(2);
      if (kind === 0) inflater.stored();
      else if (kind === 1) inflater.compressed(FIXED_LITERALS, FIXED_DISTANCES);
      else if (kind === 2) inflater.compressed(...inflater.codes());
      else break;
    }
  } catch (error) {
    if (!(error instanceof Cut)) throw error;
  }
  return inflater.out.subarray(0, inflater.length);
}

/** Where the compressed bytes begin; 0 where there is no gzip header. */
function headerEnd(gzip: Uint8Array): number {
  if (gzip[0] !== 0x1f || gzip[1] !== 0x8b || gzip[2] !== 8) return 0;
  const flags = gzip[3] ?? 0;
  let at = HEADER_BYTES;
  if (flags & EXTRA) at += 2 + ((gzip[at] ?? 0) | ((gzip[at + 1] ?? 0) << 8));
  for (const field of [NAME, COMMENT]) if (flags & field) at = gzip.indexOf(0, at) + 1 || gzip.length;
  return flags & HEADER_CRC ? at + 2 : at;
}
