/** Cursors of event listings: opaque positions. */
import { MAX_ID, MAX_TS } from '../domain/limits.js';

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
