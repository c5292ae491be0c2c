/**
 * Byte keys: fixed-width big-endian numbers, so that LMDB's byte order is the order of the numbers. Keys are
 * made by the million, so they are written byte by byte; each `put…` returns the position after its bytes.
 */
import { KEY_BYTES_MAX } from '../../domain/limits.js';

export function put8(key: Buffer, at: number, value: number): number {
  key[at] = value;
  return at + 1;
}

export function put16(key: Buffer, at: number, value: number): number {
  key[at] = value >>> 8;
  key[at + 1] = value;
  return at + 2;
}

export function put24(key: Buffer, at: number, value: number): number {
  key[at] = value >>> 16;
  key[at + 1] = value >>> 8;
  key[at + 2] = value;
  return at + 3;
}

export function put32(key: Buffer, at: number, value: number): number {
  key[at] = value >>> 24;
  key[at + 1] = value >>> 16;
  key[at + 2] = value >>> 8;
  key[at + 3] = value;
  return at + 4;
}

export function put48(key: Buffer, at: number, value: number): number {
  const high = Math.floor(value / 2 ** 32);
  return put32(key, put16(key, at, high), value - high * 2 ** 32);
}

/** Copies bytes to the end of a key; for a few bytes a loop beats the call. */
export function putBytes(key: Buffer, at: number, bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; i++) key[at + i] = bytes[i] as number;
  return at + bytes.length;
}

/** Writes a text as UTF-8; for short ASCII a loop beats the call. */
export function putText(key: Buffer, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return at + key.write(text, at, 'utf8');
    key[at + i] = code;
  }
  return at + text.length;
}

/** Memory that keys are written to one after the other: `upTo` is the one written, valid until the next. */
export function newKeyMemory() {
  const bytes = Buffer.alloc(KEY_BYTES_MAX);
  /** A view a length, made when first needed. */
  const views: (Buffer | undefined)[] = [];
  return {
    bytes,
    upTo(length: number): Buffer {
      const view = views[length] ?? bytes.subarray(0, length);
      if (view.length !== length) throw new RangeError(`a key of ${length} bytes`);
      views[length] = view;
      return view;
    },
  };
}

/** The key directly after every key that starts with `prefix`: an exclusive end for a prefix scan. */
export function prefixEnd(prefix: Uint8Array): Buffer {
  const end = Buffer.from(prefix);
  for (let i = end.length - 1; i >= 0; i--) {
    const byte = end[i] ?? 0;
    if (byte < 0xff) {
      end[i] = byte + 1;
      return end.subarray(0, i + 1);
    }
  }
  return Buffer.alloc(32, 0xff);
}

export function u16(value: number): Buffer {
  const key = Buffer.allocUnsafe(2);
  put16(key, 0, value);
  return key;
}

export function u32(value: number): Buffer {
  const key = Buffer.allocUnsafe(4);
  put32(key, 0, value);
  return key;
}

export function u48(value: number): Buffer {
  const key = Buffer.allocUnsafe(6);
  put48(key, 0, value);
  return key;
}

export function readU32(bytes: Buffer, at: number): number {
  return (
    (bytes[at] as number) * 2 ** 24 +
    (((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number))
  );
}

export function readU48(bytes: Buffer, at: number): number {
  const high = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  return high * 2 ** 32 + readU32(bytes, at + 2);
}

/** `[lastTs u48][baseOffset u48]`: the log's key and the tail of every stream key. */
export function timeKey(lastTs: number, offset: number): Buffer {
  const key = Buffer.allocUnsafe(12);
  put48(key, put48(key, 0, lastTs), offset);
  return key;
}
