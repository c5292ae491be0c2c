/** Byte keys: fixed-width big-endian numbers, so that LMDB's byte order is the order of the numbers. */

/** Joins fixed-width parts and a variable tail into one key; widths are in bytes (1 … 6). */
export function packKey(
  parts: readonly (readonly [value: number, width: number])[],
  tail?: Uint8Array,
): Buffer {
  let length = tail?.length ?? 0;
  for (const [, width] of parts) length += width;
  const key = Buffer.allocUnsafe(length);
  let at = 0;
  for (const [value, width] of parts) at = key.writeUIntBE(value, at, width);
  if (tail) key.set(tail, at);
  return key;
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

export const u48 = (value: number): Buffer => {
  const key = Buffer.allocUnsafe(6);
  key.writeUIntBE(value, 0, 6);
  return key;
};

export const readU48 = (bytes: Buffer, at: number): number => bytes.readUIntBE(at, 6);

/** `[lastTs u48][baseOffset u48]`: the log's key and the tail of every stream key. */
export function timeKey(lastTs: number, offset: number): Buffer {
  const key = Buffer.allocUnsafe(12);
  key.writeUIntBE(lastTs, 0, 6);
  key.writeUIntBE(offset, 6, 6);
  return key;
}
