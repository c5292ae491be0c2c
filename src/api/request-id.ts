/** The name a request goes by in its answer and in the log: the one it brought along, or one of our own. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';

export const REQUEST_ID = 'x-request-id';

/** Short and plain, so that it can be written anywhere: what a client chose ends up in logs and terminals. */
const PLAIN = /^[A-Za-z0-9._:-]{1,64}$/;

/** fastify's `genReqId`. Ours count up, behind a few letters that tell one run of the collector from another. */
export function createRequestIds(): (request: IncomingMessage) => string {
  const run = randomBytes(4).toString('hex');
  let count = 0;
  return ({ headers }) => {
    const given = headers[REQUEST_ID];
    if (typeof given === 'string' && PLAIN.test(given)) return given;
    count++;
    return `${run}-${count.toString(36)}`;
  };
}

/** Says the name on an answer. */
export const nameAnswer = (request: FastifyRequest, reply: FastifyReply): void => {
  reply.header(REQUEST_ID, request.id);
};
