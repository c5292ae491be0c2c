/** The reference design as a server: fastify and one SQLite transaction per request. Arguments: port, file, NORMAL or FULL. */
import { fastify } from 'fastify';
import { INSERT, openReference, type Synchronous } from './engines/sqlite.js';

const [, , port, path = '', synchronous] = process.argv;
const database = openReference(path, synchronous as Synchronous);
const insert = database.prepare(INSERT);

interface Sent {
  app: string;
  events: Record<string, unknown>[];
}

const store = database.transaction(({ app, events }: Sent) => {
  for (const { ts, user_id, session_id, type, name, url, props } of events) {
    insert.run(ts, app, user_id, session_id, type, name, url ?? null, JSON.stringify(props ?? {}));
  }
});
const server = fastify({ logger: false });
server.post('/v1/events', (request, reply) => {
  store(request.body as Sent);
  reply.code(204).send();
});
await server.listen({ host: '127.0.0.1', port: Number(port) });
