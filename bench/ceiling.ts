/** The ceiling: the same HTTP server, which only parses the body as JSON and answers 204. */
import { fastify } from 'fastify';

const server = fastify({ logger: false });
server.removeAllContentTypeParsers();
server.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
  done(null, JSON.parse(body as string));
});
server.post('/v1/events', (_request, reply) => {
  reply.code(204).send();
});
await server.listen({ host: '127.0.0.1', port: Number(process.argv[2]) });
