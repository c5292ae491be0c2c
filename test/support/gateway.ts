/** A proxy in front of a collector that can be told to fail, and remembers what events came by. */
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

/**
 * What happens to a `POST`:
 * - `pass`: the collector answers it;
 * - a status, with seconds of `Retry-After` where given: it is answered so, by a page of HTML or with a collector's
 *   `problem`, and the collector never hears of it;
 * - `lost`: the collector takes it, and the connection breaks before the answer;
 * - `hang`: the collector takes it, and no answer ever comes.
 */
export type Fate = 'pass' | 'lost' | 'hang' | { status: number; retryAfterS?: number; problem?: string };

export interface Sent {
  path: string;
  /** When it came, Unix ms. */
  at: number;
  batchId: string;
  /** The names of its events. */
  names: string[];
  fate: Fate;
}

export interface Gateway {
  readonly url: string;
  /** The `POST /v1/events` so far. */
  readonly sent: Sent[];
  /** What will be done with each; all pass at first. */
  decide(rule: (sent: Omit<Sent, 'fate'>, count: number) => Fate): void;
  /** The `POST /v1/replay` so far: the `seq` of each. */
  readonly uploads: number[];
  /** What will be done with each of those; all pass at first. */
  decideUpload(rule: (seq: number, count: number) => Fate): void;
  close(): Promise<void>;
}

/** Starts one in front of `target()`, which is asked anew for each request. */
export async function startGateway(target: () => string): Promise<Gateway> {
  const sent: Sent[] = [];
  const uploads: number[] = [];
  let uploadRule: (seq: number, count: number) => Fate = () => 'pass';
  let rule: (sent: Omit<Sent, 'fate'>, count: number) => Fate = () => 'pass';

  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const body = await bytesOf(incoming);
    const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://gateway');
    let fate: Fate = 'pass';
    if (incoming.method === 'POST' && pathname === '/v1/events') {
      const { batch_id, events } = parse(incoming, body);
      const one = {
        path: pathname,
        at: Date.now(),
        batchId: batch_id,
        names: events.map(({ name }) => name),
      };
      fate = rule(one, sent.length);
      sent.push({ ...one, fate });
    } else if (incoming.method === 'POST' && pathname === '/v1/replay') {
      const seq = Number(searchParams.get('seq'));
      fate = uploadRule(seq, uploads.length);
      uploads.push(seq);
    }
    if (typeof fate === 'object') {
      const { origin = '*' } = incoming.headers;
      outgoing.writeHead(fate.status, {
        'access-control-allow-origin': origin,
        'access-control-expose-headers': 'Retry-After',
        'content-type': fate.problem === undefined ? 'text/html' : 'application/problem+json',
        ...(fate.retryAfterS === undefined ? {} : { 'retry-after': String(fate.retryAfterS) }),
      });
      const problem = JSON.stringify({ type: `urn:spyglass:problem:${fate.problem}`, status: fate.status });
      outgoing.end(fate.problem === undefined ? '<h1>Not here</h1>' : problem);
      return;
    }
    const { method, url, headers } = incoming;
    const forwarded = httpRequest(new URL(url ?? '/', target()), { method, headers }, (response) => {
      if (fate === 'pass') {
        outgoing.writeHead(response.statusCode ?? 502, response.headers);
        response.pipe(outgoing);
        return;
      }
      response.resume();
      if (fate === 'lost') response.on('end', () => outgoing.destroy());
    });
    // A collector that is down looks to the page as it would without us.
    forwarded.on('error', () => outgoing.destroy());
    forwarded.end(body);
  };

  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent,
    decide: (next) => {
      rule = next;
    },
    uploads,
    decideUpload: (next) => {
      uploadRule = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function bytesOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function parse({ headers }: IncomingMessage, body: Buffer): { batch_id: string; events: { name: string }[] } {
  return JSON.parse((headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString());
}
