/** Every answer that is not a success: one shape, `application/problem+json` (RFC 9457), made from the problem registry. */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { DISK_RETRY_AFTER_S, LINGER_MS, RETRY_AFTER_S } from '../domain/limits.js';
import { PROBLEMS, type ProblemCode, problemJson } from '../domain/problems.js';
import type { Refusal } from '../ingest/types.js';
import type { Logger } from './context.js';
import { REQUEST_ID } from './request-id.js';

/** Thrown by a handler to answer with a problem. */
export class ProblemError extends Error {
  override name = 'ProblemError';
  readonly refusal: Refusal;

  constructor(code: ProblemCode, detail: string, retryAfterS?: number) {
    super(detail);
    this.refusal = { code, detail, ...(retryAfterS === undefined ? {} : { retryAfterS }) };
  }
}

/** Answers with a problem, as bytes: fastify would add a charset to text, which this media type does not have. */
export function sendProblem(reply: FastifyReply, refusal: Refusal): FastifyReply {
  if (refusal.retryAfterS !== undefined) {
    reply.header('retry-after', String(refusal.retryAfterS));
    // A page of another origin cannot read it otherwise.
    reply.header('access-control-expose-headers', 'Retry-After');
  }
  return reply
    .code(PROBLEMS[refusal.code].status)
    .header('content-type', 'application/problem+json')
    .header('cache-control', 'no-store')
    .header('x-content-type-options', 'nosniff')
    .header(REQUEST_ID, reply.request.id)
    .send(Buffer.from(problemJson(refusal, reply.request.id)));
}

/**
 * The refusal an error comes to. Errors of the store are known by name: they may have crossed from another thread, where
 * they lose their class. What nobody foresaw is an `internal`, and says nothing of its inside.
 */
export function refusalOf(error: FastifyError, requestId: string): Refusal {
  if (error instanceof ProblemError) return error.refusal;
  switch (error.name) {
    case 'ReadTimeout':
      return {
        code: 'read_timeout',
        detail: 'The query ran longer than a read may. Ask for a shorter range of time, or for one app.',
      };
    case 'StoreFull':
      return {
        code: 'queue_full',
        detail: 'More is being written than the disk takes. Send the same again in a moment.',
        retryAfterS: RETRY_AFTER_S,
      };
    case 'ViewNotReady':
      return {
        code: 'view_not_ready',
        detail: 'What answers this is being folded from the log after an upgrade. Everything else goes on.',
        retryAfterS: RETRY_AFTER_S,
      };
    case 'StoreReopening':
      return { code: 'reopening', detail: 'The store is being rewritten.', retryAfterS: RETRY_AFTER_S };
    case 'StoreFailed':
      return NOT_ACCEPTING;
  }
  // Of a chunk's file: a commit that meets a full disk ends all acceptance.
  if (error.code === 'ENOSPC') return REPLAY_DISK_FULL;
  if (error.validation !== undefined) return invalidParameters(error);
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return { code: 'body_too_large', detail: 'The body is larger than this collector takes.' };
  }
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
    return { code: 'bad_request', detail: 'The request could not be read.' };
  }
  return { code: 'internal', detail: `Something went wrong. The log has it under request ${requestId}.` };
}

export const NOT_ACCEPTING: Refusal = {
  code: 'not_accepting',
  detail: 'The collector cannot store anything until it has been started again.',
  retryAfterS: RETRY_AFTER_S,
};

export const DISK_FULL: Refusal = {
  code: 'disk_full',
  detail: 'The disk has too little space left to store anything.',
  retryAfterS: DISK_RETRY_AFTER_S,
};

const REPLAY_DISK_FULL: Refusal = {
  code: 'replay_disk_full',
  detail: 'The disk has too little space left for replays; events are taken.',
  retryAfterS: DISK_RETRY_AFTER_S,
};

function invalidParameters(error: FastifyError): Refusal {
  const errors = (error.validation ?? []).map(({ instancePath, message }) => ({
    path: instancePath.slice(1).replaceAll('/', '.'),
    message: message ?? 'is not valid',
  }));
  const detail = errors.map(({ path, message }) => `${path} ${message}`).join('; ');
  return { code: 'invalid_parameter', detail: `${detail}.`, errors };
}

/** Answers an error, and tells what it answered. */
export type ErrorHandler = (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => Refusal;

/** What fastify's error handlers do: answer with the problem, and log what an operator must hear of. */
export function createErrorHandler(log: Logger): ErrorHandler {
  return (error, request, reply) => {
    const refusal = refusalOf(error, request.id);
    const where = { reqId: request.id, method: request.method, route: request.routeOptions.url };
    if (refusal.code === 'internal') log.error({ ...where, err: error }, 'request failed');
    if (refusal.code === 'read_timeout') log.warn(where, 'query ran too long');
    if (refusal.code === 'body_too_large') closeGently(request.raw);
    sendProblem(reply, refusal);
    return refusal;
  };
}

/**
 * Lets a client that is still sending read its answer. fastify announces the end of the connection, and node would then close it
 * both ways: what arrives after that makes the kernel reset it, and the reset can overtake the answer. So only our half
 * is closed; what else arrives node reads and drops, for a while. (nginx: lingering_close.)
 */
function closeGently(request: IncomingMessage): void {
  const { socket } = request;
  socket.destroySoon = () => socket.end();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once('close', () => clearTimeout(timer));
}

/** For what is no HTTP request that could be routed: answers on the socket itself, and closes it. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const refusal = clientRefusal(error.code);
  const { status } = PROBLEMS[refusal.code];
  const body = problemJson(refusal);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function clientRefusal(code: string | undefined): Refusal {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return { code: 'headers_too_large', detail: 'The request line and headers are larger than 16 KiB.' };
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return { code: 'request_timeout', detail: 'The request did not arrive in time.' };
  }
  return { code: 'bad_request', detail: 'This is not an HTTP request.' };
}
