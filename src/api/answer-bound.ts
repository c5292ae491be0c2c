/** The last look at the size of an answer: questions keep to the bound themselves, other routes by what they list. */
import type { onSendHookHandler } from 'fastify';
import { ANSWER_BYTES_MAX } from '../domain/limits.js';
import { problemJson } from '../domain/problems.js';
import type { Logger } from './context.js';

/** Answers a 500 in place of JSON over the bound. */
export const boundAnswers =
  (log: Logger, bytesMax = ANSWER_BYTES_MAX): onSendHookHandler =>
  (request, reply, payload, done) => {
    // A code unit has at most three bytes. What is sent as bytes is no JSON of ours, or measured already.
    const isLarge = typeof payload === 'string' && payload.length * 3 > bytesMax;
    if (!isLarge || Buffer.byteLength(payload) <= bytesMax) return done(null, payload);
    log.error(
      { reqId: request.id, route: request.routeOptions.url },
      'an answer was larger than answers may be',
    );
    reply.code(500).header('content-type', 'application/problem+json').removeHeader('content-length');
    done(
      null,
      problemJson({ code: 'internal', detail: 'The answer is larger than answers may be.' }, request.id),
    );
  };
