/** Answering without fastify, where an answer is more than one payload. */
import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';

/** Takes the response out of fastify's hands; the headers set on it so far go along. */
export function takeOver(reply: FastifyReply): ServerResponse {
  reply.hijack();
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) reply.raw.setHeader(name, value);
  }
  return reply.raw;
}
