/** Room in a queue that nobody can take whole. */

interface Share {
  requests: number;
  bytes: number;
}

/**
 * Room for so many requests and bytes. Who has some already gets more only while that is less than what is left:
 * one owner alone gets half of the room, and the next one always finds some.
 */
export function openRoom<Owner>(max: Readonly<Share>) {
  const shares = new Map<Owner, Share>();
  const used: Share = { requests: 0, bytes: 0 };
  return {
    used: used as Readonly<Share>,
    /** Takes room for one request, or returns false. */
    take(owner: Owner, bytes: number): boolean {
      const left = { requests: max.requests - used.requests, bytes: max.bytes - used.bytes };
      if (left.requests < 1 || left.bytes < bytes) return false;
      const share = shares.get(owner);
      if (share === undefined) shares.set(owner, { requests: 1, bytes });
      else {
        if (share.requests >= left.requests || share.bytes >= left.bytes) return false;
        share.requests++;
        share.bytes += bytes;
      }
      used.requests++;
      used.bytes += bytes;
      return true;
    },
    /** Gives back the room of one request. */
    leave(owner: Owner, bytes: number): void {
      const share = shares.get(owner);
      if (share === undefined) return;
      share.requests--;
      share.bytes -= bytes;
      if (share.requests === 0) shares.delete(owner);
      used.requests--;
      used.bytes -= bytes;
    },
  };
}
