/** For whom the store reads: whoever sent the request, for as long as the connection is there. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ReadFor } from '../store/port.js';
import type { ClientAddress } from './guards/client-address.js';

/** Readers take turns: by what they may see, and where they are. A name is whatever they say. */
export function readFor(request: FastifyRequest, reply: FastifyReply, addressOf: ClientAddress): ReadFor {
  const { role, apps } = request.access;
  return { reader: `${role} ${apps ?? ''} ${addressOf(request)}`, onLeave: leavingOf(reply) };
}

/** A reader leaves when the client closes its connection before the answer. */
const leavingOf =
  ({ raw }: FastifyReply): NonNullable<ReadFor['onLeave']> =>
  (stop) => {
    if (raw.destroyed) stop();
    else raw.once('close', () => raw.writableFinished || stop());
  };
