/** Bodies that have begun and not ended, of all connections together: nobody fills the memory by never finishing them. */
import type { IncomingMessage } from 'node:http';
import { SMALL_BODY_BYTES, UNFINISHED_BYTES_MAX } from '../../domain/limits.js';

export interface UnfinishedBodies {
  /** Counts a request's body as it comes, where it can be large. */
  watch(request: IncomingMessage): void;
}

/**
 * A bound on all unfinished bodies. Beyond it the connection of the one that is under way for longest is cut, not a new one
 * refused: whoever sends a body and goes on sending is done long before it is the oldest, and who stalls is not waited for.
 */
export function createUnfinishedBodies(bytesMax = UNFINISHED_BYTES_MAX): UnfinishedBodies {
  /** In the order in which they began. */
  const unfinished = new Map<IncomingMessage, number>();
  let total = 0;

  const forget = (request: IncomingMessage) => {
    total -= unfinished.get(request) ?? 0;
    unfinished.delete(request);
  };

  const giveUpOldest = () => {
    for (const request of unfinished.keys()) {
      forget(request);
      request.socket.destroy();
      return;
    }
  };

  return {
    watch(request) {
      const length = request.headers['content-length'];
      if (length !== undefined && Number(length) <= SMALL_BODY_BYTES) return;
      unfinished.set(request, 0);
      request.on('data', (chunk: Buffer) => {
        const bytes = unfinished.get(request);
        if (bytes === undefined) return;
        unfinished.set(request, bytes + chunk.length);
        total += chunk.length;
        while (total > bytesMax && unfinished.size > 1) giveUpOldest();
      });
      request.once('end', () => forget(request));
      request.once('close', () => forget(request));
    },
  };
}
