/**
 * What an error's group is called: its app, and a hash of its name and frame. It is made of texts alone, so that every store
 * that has the errors, of whatever engine, gives the same, and a link outlives an export.
 */
import { createHash } from 'node:crypto';

/** 96 bits, in hex: no two groups meet by chance. */
const HASH_DIGITS = 24;
/** The app's name may have a dot in it. */
const GROUP_ID = /^(.+)\.([0-9a-f]{24})$/s;

export function groupHash(name: string, frame: string): string {
  // The length keeps apart what would read alike when put together.
  return createHash('sha256').update(`${name.length}:${name}${frame}`).digest('hex').slice(0, HASH_DIGITS);
}

export const groupId = (app: string, hash: string): string => `${app}.${hash}`;

/** The parts of an id; `undefined` for a text that is none. */
export function parseGroupId(id: string): { app: string; hash: string } | undefined {
  const [, app, hash] = GROUP_ID.exec(id) ?? [];
  return app === undefined || hash === undefined ? undefined : { app, hash };
}
