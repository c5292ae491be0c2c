/** Bodies that have begun and not ended, of all connections together: nobody fills the memory by never finishing them. */
import type { IncomingMessage } from 'node:http';
import { SMALL_BODY_BYTES, UNFINISHED_BYTES_MAX } from '../limits.js';

export interface UnfinishedBodies {
  /** Counts a request's body as it comes, where it can be large. `giveUp` is called if it has to go. */
  watch(request: IncomingMessage, giveUp: () => void): void;
}

/**
 * A bound on all unfinished bodies. Beyond it the connection of the one that is under way for longest is cut, not a new one
 * refused: whoever sends a body and goes on sending is done long before it is the oldest, and who stalls is not waited for.
 */
export function createUnfinishedBodies(bytesMax = UNFINISHED_BYTES_MAX): UnfinishedBodies {
  /** In the order in which they began. */
  const unfinished = new Map<IncomingMessage, { bytes: number; giveUp: () => void }>();
  let total = 0;

  const forget = (request: IncomingMessage) => {
    total -= unfinished.get(request)?.bytes ?? 0;
    unfinished.delete(request);
  };

  const giveUpOldest = () => {
    for (const [request, { giveUp }] of unfinished) {
      forget(request);
      giveUp();
      request.socket.destroy();
      return;
    }
  };

  return {
    watch(request, giveUp) {
      const length = request.headers['content-length'];
      if (length !== undefined && Number(length) <= SMALL_BODY_BYTES) return;
      const body = { bytes: 0, giveUp };
      unfinished.set(request, body);
      request.on('data', (chunk: Buffer) => {
        if (!unfinished.has(request)) return;
        body.bytes += chunk.length;
        total += chunk.length;
        while (total > bytesMax && unfinished.size > 1) giveUpOldest();
      });
      request.once('end', () => forget(request));
      request.once('close', () => forget(request));
    },
  };
}
