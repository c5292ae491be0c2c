/** Cursors of listings: opaque positions. */
import { CHUNK_SEQ_MAX, MAX_ID, MAX_TS } from '../domain/limits.js';

/** A position in the order of events by `(ts, id)`. */
export interface EventPosition {
  ts: number;
  id: number;
}

export const cursorOf = ({ ts, id }: EventPosition): string =>
  Buffer.from(`${ts}.${id}`).toString('base64url');

/** The cursor's position; `undefined` for text that `cursorOf` never made. */
export function parseCursor(text: string): EventPosition | undefined {
  const parts = /^(\d{1,16})\.(\d{1,16})$/.exec(Buffer.from(text, 'base64url').toString('latin1'));
  if (parts === null) return undefined;
  const position = { ts: Number(parts[1]), id: Number(parts[2]) };
  if (position.ts > MAX_TS || position.id < 1 || position.id > MAX_ID) return undefined;
  return cursorOf(position) === text ? position : undefined;
}

/** A position in a session's manifest: the `seq` of the last chunk. */
export const seqCursorOf = (seq: number): string => Buffer.from(`${seq}`).toString('base64url');

/** The cursor's `seq`; `undefined` for text that `seqCursorOf` never made. */
export function parseSeqCursor(text: string): number | undefined {
  const digits = Buffer.from(text, 'base64url').toString('latin1');
  const seq = /^\d{1,7}$/.test(digits) ? Number(digits) : 0;
  return seq >= 1 && seq <= CHUNK_SEQ_MAX && seqCursorOf(seq) === text ? seq : undefined;
}
