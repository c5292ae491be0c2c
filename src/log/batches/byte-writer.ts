/** Writes big-endian numbers and texts into memory that grows and is reused. */

/** Up to this length, a loop beats the runtime's copy. */
const LOOP_BYTES_MAX = 64;

export class ByteWriter {
  length = 0;
  #bytes: Buffer;

  constructor(capacityBytes: number) {
    this.#bytes = Buffer.allocUnsafeSlow(capacityBytes);
  }

  #reserve(count: number): number {
    const at = this.length;
    this.length = at + count;
    if (this.length > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(this.length, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, at);
      this.#bytes = grown;
    }
    return at;
  }

  u8(value: number): void {
    const at = this.#reserve(1);
    this.#bytes[at] = value;
  }

  u16(value: number): void {
    const at = this.#reserve(2);
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value;
  }

  u32(value: number): void {
    this.setU32(this.#reserve(4), value);
  }

  u48(value: number): void {
    const high = Math.floor(value / 2 ** 32);
    this.u16(high);
    this.u32(value - high * 2 ** 32);
  }

  f64(value: number): void {
    const at = this.#reserve(8);
    this.#bytes.writeDoubleBE(value, at);
  }

  /** Overwrites four bytes written before. */
  setU32(at: number, value: number): void {
    const bytes = this.#bytes;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }

  /** The bytes of `source` from `start` to `end`. */
  copy(source: Buffer, start: number, end: number): void {
    const at = this.#reserve(end - start);
    const bytes = this.#bytes;
    if (end - start > LOOP_BYTES_MAX) source.copy(bytes, at, start, end);
    else for (let from = start, to = at; from < end; from++, to++) bytes[to] = source[from] as number;
  }

  /** A text behind its length in bytes, a u16. */
  text16(text: string): void {
    const start = this.#reserve(2 + text.length * 3);
    const bytes = this.#bytes;
    let end = start + 2;
    if (text.length <= LOOP_BYTES_MAX) {
      for (let i = 0; i < text.length; i++) {
        const code = text.charCodeAt(i);
        if (code > 0x7f) {
          end = -1;
          break;
        }
        bytes[end++] = code;
      }
    } else end = -1;
    if (end === -1) end = start + 2 + bytes.write(text, start + 2, 'utf8');
    const length = end - start - 2;
    bytes[start] = length >>> 8;
    bytes[start + 1] = length;
    this.length = end;
  }

  /** What was written from `start` on: the memory itself, valid until the next write. */
  view(start = 0): Buffer {
    return this.#bytes.subarray(start, this.length);
  }
}
