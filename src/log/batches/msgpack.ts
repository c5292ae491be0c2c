/** Writes msgpack, as much of it as a record batch needs. */
import type { ByteWriter } from './byte-writer.js';

export function packNil(to: ByteWriter): void {
  to.u8(0xc0);
}

/** Followed by `count` values, fewer than 65,536. */
export function packArrayHead(to: ByteWriter, count: number): void {
  if (count < 16) to.u8(0x90 | count);
  else {
    to.u8(0xdc);
    to.u16(count);
  }
}

/** Followed by that many bytes of UTF-8. */
export function packTextHead(to: ByteWriter, bytes: number): void {
  if (bytes < 32) to.u8(0xa0 | bytes);
  else packSized(to, 0xd9, bytes);
}

/** A text, or nil for none. */
export function packText(to: ByteWriter, text: string | undefined): void {
  if (text === undefined) packNil(to);
  else {
    const bytes = Buffer.from(text, 'utf8');
    packTextHead(to, bytes.length);
    to.copy(bytes, 0, bytes.length);
  }
}

/** Of −1 … 2^32 − 1. */
export function packInteger(to: ByteWriter, value: number): void {
  if (value < 2 ** 7) to.u8(value & 0xff);
  else packSized(to, 0xcc, value);
}

/** A number in one, two, or four bytes, behind its kind: `kind`, the next, or the one after. */
function packSized(to: ByteWriter, kind: number, value: number): void {
  if (value < 2 ** 8) {
    to.u8(kind);
    to.u8(value);
  } else if (value < 2 ** 16) {
    to.u8(kind + 1);
    to.u16(value);
  } else {
    to.u8(kind + 2);
    to.u32(value);
  }
}

/** Any number, or nil for none. Readers would take a 64-bit integer for a `bigint`. */
export function packDouble(to: ByteWriter, value: number | undefined): void {
  if (value === undefined) packNil(to);
  else {
    to.u8(0xcb);
    to.f64(value);
  }
}
