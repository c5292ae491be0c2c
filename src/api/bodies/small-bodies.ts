/** Bodies that say how long they are and are short, as nearly all are: read with less ado than fastify's own way takes. */
import type { IncomingMessage } from 'node:http';
import type { FastifyError } from 'fastify';
import { SMALL_BODY_BYTES } from '../../domain/limits.js';

/** What such a body is called for fastify's choice of a parser; no client's name for it gets that far. */
export const SMALL_BODY = 'application/x-small-body';

/** Whether a request's body is one; `bytesMax` is the least of what the routes take. */
export function isSmallBody({ headers }: IncomingMessage, bytesMax: number): boolean {
  const length = headers['content-length'];
  return length !== undefined && Number(length) <= Math.min(bytesMax, SMALL_BODY_BYTES);
}

/** Node lets no request end before, or go on after, the length it announced; nor are its chunks part of a larger buffer. */
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
