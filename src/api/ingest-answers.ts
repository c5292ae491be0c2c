/** Counts and logs the answers of the ingest routes. */
import type { FastifyReply } from 'fastify';
import { REFUSAL_LOG_MS } from '../domain/limits.js';
import type { ProblemCode } from '../domain/problems.js';
import type { Logger } from './context.js';
import type { IngestRoute, Metrics } from './metrics.js';

/** `start` is `performance.now()` when the body had arrived; `code` is absent for a 204. */
export type NoteAnswer = (route: IngestRoute, reply: FastifyReply, start: number, code?: ProblemCode) => void;

/** Each answer is a line at debug. A full queue is a warning as well: the operator can change it. */
export function createNoteAnswer(metrics: Pick<Metrics, 'countIngest'>, log: Logger): NoteAnswer {
  const noteFullQueue = createQueueWarning(log);
  return (route, reply, start, code) => {
    const { request, statusCode: status } = reply;
    const ms = performance.now() - start;
    metrics.countIngest(route, status, ms / 1_000, code);
    if (code === 'queue_full') noteFullQueue();
    // Making the line costs more than all else here.
    if (log.level !== 'debug' && log.level !== 'trace') return;
    const { id: reqId, method } = request;
    const line = { reqId, method, route: `/v1/${route}`, status, code, ms: Math.round(ms * 10) / 10 };
    log.debug(line, 'answered');
  };
}

/** Warns once in `REFUSAL_LOG_MS`, with the number of requests that were refused. */
function createQueueWarning(log: Logger): () => void {
  let warnedAt = Number.NEGATIVE_INFINITY;
  let refused = 0;
  return () => {
    refused++;
    if (performance.now() - warnedAt < REFUSAL_LOG_MS) return;
    log.warn({ refused }, 'the write queue is full: requests are refused');
    warnedAt = performance.now();
    refused = 0;
  };
}
