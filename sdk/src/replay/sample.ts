/** Decides which sessions are recorded. */

/** Decides by a hash of the id (FNV-1a), so that all pages of a session decide alike. */
export function isSampled(session: string, share: number): boolean {
  let hash = 0x811c9dc5;
  for (const character of session) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  return (hash >>> 0) / 2 ** 32 < share;
}
