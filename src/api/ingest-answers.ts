/** Notes what the ingest routes answer: figures of all of them, a line in the log of those somebody wants to read of. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ProblemCode } from '../domain/problems.js';
import type { Logger } from './logger.js';
import type { IngestRoute, Metrics } from './metrics.js';
import type { NoteRefusal } from './refusals.js';

/** `start` is `performance.now()` of when the body was there. */
export interface IngestAnswers {
  stored(route: IngestRoute, request: FastifyRequest, start: number): void;
  refused(
    route: IngestRoute,
    request: FastifyRequest,
    reply: FastifyReply,
    start: number,
    code: ProblemCode,
  ): void;
}

interface AnswersOptions {
  metrics: Pick<Metrics, 'countIngest' | 'countRefusal'>;
  log: Logger;
  noteRefusal: NoteRefusal;
}

/** Lines are written at debug only: there are thousands a second, and most refusals are a client's own fault. */
export function createIngestAnswers({ metrics, log, noteRefusal }: AnswersOptions): IngestAnswers {
  // Asked first, for what goes into a line costs more than the rest here.
  const isWritten = () => log.level === 'debug' || log.level === 'trace';
  return {
    stored(route, { id: reqId, method }, start) {
      const ms = performance.now() - start;
      metrics.countIngest(route, 204, ms / 1_000);
      if (isWritten())
        log.debug({ reqId, method, route: `/v1/${route}`, status: 204, ms: rounded(ms) }, 'answered');
    },
    refused(route, { id: reqId, method }, { statusCode: status }, start, code) {
      const ms = performance.now() - start;
      metrics.countIngest(route, status, ms / 1_000);
      metrics.countRefusal(route, code);
      noteRefusal(code);
      if (!isWritten()) return;
      log.debug({ reqId, method, route: `/v1/${route}`, status, code, ms: rounded(ms) }, 'answered');
    },
  };
}

const rounded = (ms: number): number => Math.round(ms * 10) / 10;
