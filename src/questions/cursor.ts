/** Cursors of event listings: a place in the order of events, in a form that asks not to be taken apart. */
import { MAX_ID, MAX_TS } from '../domain/limits.js';

/** A place in the newest-first order of events. */
export interface EventPosition {
  ts: number;
  id: number;
}

/** The cursor that goes on after `position`. */
export function cursorOf({ ts, id }: EventPosition): string {
  return Buffer.from(`${ts}.${id}`).toString('base64url');
}

/** The place a cursor stands for; `undefined` for text that `cursorOf` never made. */
export function parseCursor(text: string): EventPosition | undefined {
  const parts = /^(\d{1,16})\.(\d{1,16})$/.exec(Buffer.from(text, 'base64url').toString('latin1'));
  if (parts === null) return undefined;
  const position = { ts: Number(parts[1]), id: Number(parts[2]) };
  if (position.ts > MAX_TS || position.id < 1 || position.id > MAX_ID) return undefined;
  return cursorOf(position) === text ? position : undefined;
}
