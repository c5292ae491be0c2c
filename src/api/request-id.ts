/** The id of a request in its answer and in the log: the client's own, or one of ours. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export const REQUEST_ID = 'x-request-id';

/** A client's id ends up in logs and terminals, so it must be short and plain. */
const PLAIN = /^[A-Za-z0-9._:-]{1,64}$/;

/** fastify's `genReqId`. Our ids count up, after a prefix for this run of the collector. */
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
