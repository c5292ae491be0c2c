/**
 * One event's props out of a batch's details, without reading the rest: who wants those of an error should not pay for what a
 * hundred other events carry. Knows of msgpack (its specification: headers, big-endian lengths) what stands before them.
 */
import type { JsonText } from '../../domain/event.js';
import { readU32 } from '../file/keys.js';

const NIL = 0xc0;
const ARRAY_OF_FIVE = 0x95;

const readU16 = (bytes: Buffer, at: number): number =>
  ((bytes[at] as number) << 8) | (bytes[at + 1] as number);

/** Where reading goes on, and what was read. */
const cursor = { at: 0 };

/** The number of items of the array at the cursor. */
function readArray(bytes: Buffer): number {
  const head = bytes[cursor.at++] as number;
  if (head >= 0x90 && head <= 0x9f) return head & 0x0f;
  if (head === 0xdc) {
    cursor.at += 2;
    return readU16(bytes, cursor.at - 2);
  }
  if (head === 0xdd) {
    cursor.at += 4;
    return readU32(bytes, cursor.at - 4);
  }
  throw new RangeError(`no array in the details: ${head}`);
}

/** The number behind a head that says how wide it is: in one, two or four bytes from `one` on. */
function readSized(bytes: Buffer, head: number, one: number): number {
  const width = head === one ? 1 : head === one + 1 ? 2 : head === one + 2 ? 4 : 0;
  if (width === 0) throw new RangeError(`not expected in the details: ${head}`);
  cursor.at += width;
  if (width === 1) return bytes[cursor.at - 1] as number;
  return width === 2 ? readU16(bytes, cursor.at - 2) : readU32(bytes, cursor.at - 4);
}

/** The length in bytes of the text at the cursor, which is moved to its first byte. */
function readTextLength(bytes: Buffer): number {
  const head = bytes[cursor.at++] as number;
  return head >= 0xa0 && head <= 0xbf ? head & 0x1f : readSized(bytes, head, 0xd9);
}

function skipText(bytes: Buffer): void {
  const length = readTextLength(bytes);
  cursor.at += length;
}

/** A whole number from −1 on, as the lengths of props are. */
function readLength(bytes: Buffer): number {
  const head = bytes[cursor.at++] as number;
  if (head < 0x80) return head;
  return head === 0xff ? -1 : readSized(bytes, head, 0xcc);
}

function isNil(bytes: Buffer): boolean {
  if (bytes[cursor.at] !== NIL) return false;
  cursor.at++;
  return true;
}

/** The props of event `index` in the details that begin at `start`; null where it has none. */
export function propsOf(bytes: Buffer, start: number, index: number): JsonText | null {
  if (bytes[start] !== ARRAY_OF_FIVE) throw new RangeError(`no details: ${bytes[start]}`);
  cursor.at = start + 1;
  if (!isNil(bytes)) {
    const urls = readArray(bytes);
    for (let i = 0; i < urls; i++) if (!isNil(bytes)) skipText(bytes);
  }
  if (isNil(bytes)) return null;
  const count = readArray(bytes);
  let before = 0;
  let own = -1;
  let all = 0;
  for (let i = 0; i < count; i++) {
    const length = readLength(bytes);
    if (i === index) {
      own = length;
      before = all;
    }
    if (length > 0) all += length;
  }
  if (own < 0) return null;
  const textBytes = readTextLength(bytes);
  // Lengths count UTF-16 code units: as many as bytes means that there is nothing but ASCII.
  if (textBytes === all)
    return bytes.toString('latin1', cursor.at + before, cursor.at + before + own) as JsonText;
  return bytes.toString('utf8', cursor.at, cursor.at + textBytes).slice(before, before + own) as JsonText;
}
