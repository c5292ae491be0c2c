/** Gzip in a browser: compressed, which is asynchronous, or stored, which also works while the page goes away. */

/** Compresses, or stores if the browser cannot compress. */
export async function gzip(text: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const stream = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch {
    return wrap(text);
  }
}

const HEADER = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
const BLOCK_BYTES_MAX = 0xffff;

/** A gzip stream of stored blocks, without compression (RFC 1951, 3.2.4; RFC 1952). */
export function wrap(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(text);
  const blocks = Math.max(1, Math.ceil(bytes.length / BLOCK_BYTES_MAX));
  const out = new Uint8Array(HEADER.length + bytes.length + blocks * 5 + 8);
  const view = new DataView(out.buffer);
  out.set(HEADER);
  let at = HEADER.length;
  for (let block = 0; block < blocks; block += 1) {
    const part = bytes.subarray(block * BLOCK_BYTES_MAX, (block + 1) * BLOCK_BYTES_MAX);
    out[at] = Number(block === blocks - 1);
    view.setUint16(at + 1, part.length, true);
    view.setUint16(at + 3, ~part.length, true);
    out.set(part, at + 5);
    at += 5 + part.length;
  }
  view.setUint32(at, crc32(bytes), true);
  view.setUint32(at + 4, bytes.length, true);
  return out;
}

function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 && 0xedb88320);
  }
  return ~crc;
}
