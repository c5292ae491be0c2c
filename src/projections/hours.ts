/** What views by the hour share: keys with hours since 1970, and values that are columns of numbers. */
import { put16, put32 } from '../log/file/keys.js';

/** `[app u16][hour u32][block u32]` */
export function hourBlockKey(app: number, hour: number, block: number): Buffer {
  const key = Buffer.allocUnsafe(10);
  put32(key, put32(key, put16(key, 0, app), hour), block);
  return key;
}

/** The numbers of a value, u32 little-endian. Copies only when the bytes do not lie on a word boundary. */
export function viewNumbers(value: Buffer): Uint32Array {
  const { buffer, byteOffset, length } = value.byteOffset % 4 === 0 ? value : new Uint8Array(value);
  return new Uint32Array(buffer, byteOffset, length / 4);
}
