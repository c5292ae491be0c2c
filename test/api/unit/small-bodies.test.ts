/** Short bodies are read another way than the rest; nobody can tell which. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { IngestRequest } from '../../../src/ingest/types.js';
import { ask } from '../../support/http.js';
import { CONFIG, serve } from './server.js';

/** With a type and a length a short body is read the short way, without either it is not. */
const HEADS = {
  short: (length: number) => `Content-Type: text/plain\r\nContent-Length: ${length}\r\n\r\n`,
  untyped: (length: number) => `Content-Length: ${length}\r\n\r\n`,
};

for (const [name, head] of Object.entries(HEADS)) {
  t.test(`in pieces it arrives whole: ${name}`, async (t) => {
    const taken: IngestRequest[] = [];
    const { url } = await serve(t, {
      now: () => 42,
      ingest: async (request) => {
        taken.push(request);
        return undefined;
      },
    });
    const socket = connect(Number(new URL(url).port), '127.0.0.1').setNoDelay();
    socket.write(`POST /v1/events HTTP/1.1\r\nHost: x\r\n${head(9)}`);
    for (const piece of ['abc', 'def', 'ghi']) {
      await sleep(20);
      socket.write(piece);
    }
    const [answer] = (await once(socket, 'data')) as [Buffer];
    t.match(answer.toString(), /^HTTP\/1\.1 204 /);
    // The next one of the connection begins where this one ended.
    socket.write(`POST /v1/events HTTP/1.1\r\nHost: x\r\n${head(2)}{}`);
    const [next] = (await once(socket, 'data')) as [Buffer];
    t.match(next.toString(), /^HTTP\/1\.1 204 /);
    t.same(
      taken.map(({ body, receivedAt }) => ({ body, receivedAt })),
      ['abcdefghi', '{}'].map((text) => ({ body: Buffer.from(text), receivedAt: 42 })),
    );
    socket.destroy();
  });

  t.test(`one that is given up on the way is a refusal, and reaches nobody: ${name}`, async (t) => {
    const taken: IngestRequest[] = [];
    const { url, lines } = await serve(t, {
      ingest: async (request) => {
        taken.push(request);
        return undefined;
      },
    });
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    const begun = `POST /v1/events HTTP/1.1\r\nHost: x\r\n${head(9)}abc`;
    await new Promise((resolve) => socket.write(begun, resolve));
    socket.destroy();
    while (lines.length === 0) await sleep(10);
    t.match(
      lines.map((line) => JSON.parse(line)),
      [{ route: '/v1/events', status: 400, code: 'bad_request', msg: 'answered' }],
    );
    t.same(taken, []);
  });
}

t.test('the limit of a route holds, however short it is', async (t) => {
  const { url } = await serve(t, { config: { ...CONFIG, limits: { ...CONFIG.limits, body_bytes: 10 } } });
  const send = (length: number) =>
    ask(url, '/v1/events', {
      method: 'POST',
      body: Buffer.alloc(length, 32),
      headers: { 'content-type': 'application/json' },
    });
  t.equal((await send(10)).status, 204);
  t.equal((await send(11)).status, 413);
});
