/** Request bodies: short ones are read directly, and all unfinished ones together are bounded. */
import type { IncomingMessage } from 'node:http';
import type { FastifyError } from 'fastify';
import { SMALL_BODY_BYTES, UNFINISHED_BYTES_MAX } from '../domain/limits.js';

/** Selects the parser of small bodies in fastify; the client's own content type is replaced by it. */
export const SMALL_BODY = 'application/x-small-body';

/** Whether the request announces a short body; `bytesMax` is the smallest limit of the routes. */
export function isSmallBody({ headers }: IncomingMessage, bytesMax: number): boolean {
  const length = headers['content-length'];
  return length !== undefined && Number(length) <= Math.min(bytesMax, SMALL_BODY_BYTES);
}

/** Reads such a body at less cost than fastify's own parser. Node holds it to the announced length. */
export function readSmallBody(
  body: IncomingMessage,
  done: (error: FastifyError | null, body?: Buffer) => void,
): void {
  const chunks: Buffer[] = [];
  let isOver = false;
  const end = (error?: FastifyError): void => {
    if (isOver) return;
    isOver = true;
    if (error) {
      error.statusCode = 400;
      done(error);
      return;
    }
    const [first] = chunks;
    done(null, first && chunks.length === 1 ? first : Buffer.concat(chunks));
  };
  body.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
  });
  body.on('end', end);
  body.on('error', end);
}

/**
 * Bounds the bytes of all unfinished bodies that are not small. Call the result for each request. At the
 * bound it cuts the oldest body's connection: a client that keeps sending finishes before it is the oldest.
 */
export function watchUnfinishedBodies(bytesMax = UNFINISHED_BYTES_MAX): (request: IncomingMessage) => void {
  /** Bytes so far, oldest request first. */
  const unfinished = new Map<IncomingMessage, number>();
  let total = 0;

  const forget = (request: IncomingMessage) => {
    total -= unfinished.get(request) ?? 0;
    unfinished.delete(request);
  };

  return (request) => {
    const length = request.headers['content-length'];
    if (length !== undefined && Number(length) <= SMALL_BODY_BYTES) return;
    unfinished.set(request, 0);
    request.on('data', (chunk: Buffer) => {
      const bytes = unfinished.get(request);
      if (bytes === undefined) return;
      unfinished.set(request, bytes + chunk.length);
      total += chunk.length;
      for (const oldest of unfinished.keys()) {
        if (total <= bytesMax || unfinished.size === 1) break;
        forget(oldest);
        oldest.socket.destroy();
      }
    });
    request.once('end', () => forget(request));
    request.once('close', () => forget(request));
  };
}
