/** Random UUIDs, on pages served by plain HTTP too, where `crypto.randomUUID` is missing. */

/** A version 4 UUID (RFC 9562). */
export function uuid(): string {
  const hex = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte, at) => {
    const value = at === 6 ? (byte & 15) | 64 : at === 8 ? (byte & 63) | 128 : byte;
    return (value + 256).toString(16).slice(1);
  });
  return hex.join('').replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
