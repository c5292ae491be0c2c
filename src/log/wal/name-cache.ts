/**
 * Numbers of names by their UTF-8 bytes, so that a look-up needs no string. A name has one entry, by its
 * hash, and replaces the one that was there: the memory is fixed. Only numbers that are final belong in here.
 */
const ENTRIES = 4_096;
/** Longer names are not remembered: an entry's first byte is the length. */
const NAME_BYTES_MAX = 127;
const ENTRY_BYTES = 1 + NAME_BYTES_MAX;

export type NameCache = ReturnType<typeof createNameCache>;

export function createNameCache() {
  const names = new Uint8Array(ENTRIES * ENTRY_BYTES);
  const numbers = new Uint32Array(ENTRIES);
  return {
    /** The number of the name that spans `start` to `end`, where it is remembered. */
    find(bytes: Uint8Array, start: number, end: number): number | undefined {
      const length = end - start;
      const entry = entryOf(bytes, start, end);
      const at = entry * ENTRY_BYTES + 1;
      // Of an empty entry the length is 0, and no name is empty.
      if (length === 0 || names[at - 1] !== length) return undefined;
      for (let i = 0; i < length; i++) if (names[at + i] !== bytes[start + i]) return undefined;
      return numbers[entry];
    },
    remember(bytes: Uint8Array, start: number, end: number, number: number): void {
      const length = end - start;
      if (length === 0 || length > NAME_BYTES_MAX) return;
      const entry = entryOf(bytes, start, end);
      const at = entry * ENTRY_BYTES + 1;
      names[at - 1] = length;
      for (let i = 0; i < length; i++) names[at + i] = bytes[start + i] as number;
      numbers[entry] = number;
    },
  };
}

/** By the FNV-1a hash of Fowler, Noll and Vo (public domain), its high bits folded in. */
function entryOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  return (hash ^ (hash >>> 12)) & (ENTRIES - 1);
}
