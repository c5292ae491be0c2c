/** Every answer that is not a success, as `application/problem+json` (RFC 9457). */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { DISK_RETRY_AFTER_S, LINGER_MS, RETRY_AFTER_S } from '../domain/limits.js';
import { PROBLEMS, type ProblemCode, ProblemError, problemJson, type Refusal } from '../domain/problems.js';
import type { Logger } from './context.js';
import { REQUEST_ID } from './request-id.js';

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

export const REPLAY_DISK_FULL: Refusal = {
  code: 'replay_disk_full',
  detail: 'The disk has too little space left for replays; events are taken.',
  retryAfterS: DISK_RETRY_AFTER_S,
};

export const OUT_OF_FILES: Refusal = {
  code: 'out_of_files',
  detail: 'The collector has as many files and connections open as it may. Send the same again in a moment.',
  retryAfterS: RETRY_AFTER_S,
};

/** By an error's name or code, since the store's errors lose their class between threads. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  ReadTimeout: {
    code: 'read_timeout',
    detail: 'The query ran longer than a read may. Ask for a shorter range of time, or for one app.',
  },
  StoreFull: {
    code: 'queue_full',
    detail: 'More is being written than the disk takes. Send the same again in a moment.',
    retryAfterS: RETRY_AFTER_S,
  },
  ReadCancelled: { code: 'client_left', detail: 'The client closed its connection.' },
  ReadsFull: {
    code: 'reads_full',
    detail: 'Too many queries wait for their turn. Ask again in a moment.',
    retryAfterS: RETRY_AFTER_S,
  },
  ReaderDied: {
    code: 'reader_died',
    detail: 'What answers queries failed while it worked at this one. Ask again, or for less.',
    retryAfterS: RETRY_AFTER_S,
  },
  ViewNotReady: {
    code: 'view_not_ready',
    detail: 'What answers this is being folded from the log after an upgrade. Everything else goes on.',
    retryAfterS: RETRY_AFTER_S,
  },
  StoreReopening: { code: 'reopening', detail: 'The store is being rewritten.', retryAfterS: RETRY_AFTER_S },
  StoreFailed: NOT_ACCEPTING,
  // From a chunk's file: a commit on a full disk is a `StoreFailed`.
  ENOSPC: REPLAY_DISK_FULL,
  EMFILE: OUT_OF_FILES,
  ENFILE: OUT_OF_FILES,
  FST_ERR_CTP_BODY_TOO_LARGE: {
    code: 'body_too_large',
    detail: 'The body is larger than this collector takes.',
  },
  HPE_HEADER_OVERFLOW: {
    code: 'headers_too_large',
    detail: 'The request line and headers are larger than 16 KiB.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: { code: 'request_timeout', detail: 'The request did not arrive in time.' },
};

/** Sends bytes: to text, fastify would add a charset, which this media type does not have. */
export function sendProblem(reply: FastifyReply, refusal: Refusal): FastifyReply {
  if (refusal.retryAfterS !== undefined) {
    reply.header('retry-after', String(refusal.retryAfterS));
    // Lets a page of another origin read it.
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

/** An unexpected error becomes an `internal`, which says nothing about it. */
function refusalOf(error: FastifyError, requestId: string): Refusal {
  if (error instanceof ProblemError) return error.refusal;
  const known = REFUSALS[error.name] ?? REFUSALS[error.code];
  if (known !== undefined) return known;
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
    return { code: 'bad_request', detail: 'The request could not be read.' };
  }
  return { code: 'internal', detail: `Something went wrong. The log has it under request ${requestId}.` };
}

/** A fastify error handler that logs what an operator must know of; `note` gets each answer. */
export function createErrorHandler(
  log: Logger,
  note?: (reply: FastifyReply, code: ProblemCode) => void,
  send: (reply: FastifyReply, refusal: Refusal) => void = sendProblem,
) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    const refusal = refusalOf(error, request.id);
    const where = { reqId: request.id, method: request.method, route: request.routeOptions.url };
    if (refusal.code === 'internal') log.error({ ...where, err: error }, 'request failed');
    if (refusal.code === 'read_timeout') log.warn(where, 'query ran too long');
    if (refusal.code === 'body_too_large') closeGently(request.raw);
    send(reply, refusal);
    note?.(reply, refusal.code);
  };
}

/**
 * Lets a client that is still sending read its answer (nginx: lingering_close). fastify ends the connection
 * and node would close it both ways; data that arrives after that makes the kernel send a reset, which can
 * overtake the answer. So only our half is closed, and node drops what arrives within `LINGER_MS`.
 */
function closeGently(request: IncomingMessage): void {
  const { socket } = request;
  socket.destroySoon = () => socket.end();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once('close', () => clearTimeout(timer));
}

/** fastify's `clientErrorHandler`, for what cannot be routed: answers on the socket and closes it. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const refusal = REFUSALS[error.code ?? ''] ?? {
    code: 'bad_request',
    detail: 'This is not an HTTP request.',
  };
  socket.end(rawProblem(refusal));
}

/** A whole answer, for a connection that is closed then. */
export function rawProblem(refusal: Refusal): string {
  const { status } = PROBLEMS[refusal.code];
  const body = problemJson(refusal);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(refusal.retryAfterS === undefined ? [] : [`Retry-After: ${refusal.retryAfterS}`]),
    'Connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}
