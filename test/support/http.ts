/** Plain HTTP for tests: one connection a request, nothing normalised, nothing followed, nothing unpacked. */
import assert from 'node:assert/strict';
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';

export interface Ask {
  method?: string;
  headers?: OutgoingHttpHeaders;
  body?: string | Uint8Array;
  /** The loopback address to ask from, for what is counted per address. */
  from?: string;
  /** Sends the body in chunks of unknown total length instead of under a `Content-Length`. */
  transfer?: 'chunked';
  /** Called when the request has been handed to the system whole. */
  onSent?: () => void;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  bytes: Buffer;
  text: string;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  errors?: { path: string; message: string }[];
}

/** Sends one request with the path exactly as given; settles with whatever was answered, early answers included. */
export function ask(base: string, path: string, init: Ask = {}): Promise<Answer> {
  const { hostname, port } = new URL(base);
  const { promise, resolve, reject } = withResolvers<Answer>();
  const body = init.body === undefined ? undefined : Buffer.from(init.body);
  const sent = request({
    host: hostname.replace(/^\[|\]$/g, ''),
    port,
    path,
    method: init.method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      connection: 'close',
      ...(body === undefined || init.transfer ? {} : { 'content-length': body.length }),
      ...init.headers,
    },
    agent: false,
    ...(init.from === undefined ? {} : { localAddress: init.from }),
  });
  // An answer may come before the body is all sent, and the rest of the body then finds the connection closed.
  let answered = false;
  sent.on('error', (error) => {
    if (!answered) reject(error);
  });
  sent.on('response', (response) => {
    answered = true;
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('error', reject);
    response.on('end', () => {
      const bytes = Buffer.concat(chunks);
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        bytes,
        text: bytes.toString(),
      });
    });
  });
  if (init.onSent) sent.on('finish', init.onSent);
  if (body !== undefined) sent.write(body);
  sent.end();
  return promise;
}

/** The JSON a 200 carries; throws with the whole answer when it is anything else. */
export async function get<T>(base: string, path: string, headers: OutgoingHttpHeaders = {}): Promise<T> {
  const answer = await ask(base, path, { headers });
  assert.equal(answer.status, 200, `GET ${path}: ${answer.text}`);
  assert.match(answer.headers['content-type'] ?? '', /^application\/json\b/, `GET ${path}`);
  return JSON.parse(answer.text) as T;
}

/** Posts a body to `/v1/events`: text and bytes as they are, anything else as JSON. */
export function postEvents(base: string, body: unknown, init: Ask = {}): Promise<Answer> {
  const raw = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
  return ask(base, '/v1/events', { method: 'POST', ...init, body: raw });
}

/** Posts events of one app and throws unless they were taken. */
export async function store(
  base: string,
  app: string,
  events: readonly object[],
  envelope: object = {},
): Promise<void> {
  const answer = await postEvents(base, { app, key: keyOf(app), events, ...envelope });
  assert.equal(answer.status, 204, answer.text);
}

/** The problem an error carries; throws unless it is one of that status, in the form RFC 9457 gives it. */
export function problemOf(answer: Answer, status: number): Problem {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json\b/);
  const problem = JSON.parse(answer.text) as Problem;
  assert.equal(problem.status, status);
  for (const member of ['type', 'title', 'detail'] as const) {
    assert.ok(typeof problem[member] === 'string' && problem[member].length > 0, `${member}: ${answer.text}`);
  }
  return problem;
}

/** Asks for a path and returns the problem it must be answered with. */
export async function refusal(base: string, path: string, status: number, init: Ask = {}): Promise<Problem> {
  return problemOf(await ask(base, path, init), status);
}

/** Apps for a configuration, each under the key `keyOf` gives it, open to every origin. */
export function apps(...names: string[]): Record<string, { key: string; origins: string[] }> {
  return Object.fromEntries(names.map((name) => [name, { key: keyOf(name), origins: [] }]));
}

/** The key of an app made by `apps`. */
export function keyOf(app: string): string {
  return `sg_live_secret_of_${app}`;
}

/** A valid event; `over` adds to it or replaces parts of it. */
export function event(over: object = {}): Record<string, unknown> {
  return { ts: NOON, user_id: 'alice', session_id: 's_1', type: 'event', name: 'click', ...over };
}

/** A fixed moment well in the past, so that no clock rule touches it: 2026-06-14 12:00 UTC. */
export const NOON = Date.UTC(2026, 5, 14, 12);
export const SECOND = 1_000;
export const MINUTE = 60_000;
export const HOUR = 3_600_000;
export const DAY = 86_400_000;

/** The `Authorization` header for a password. */
export function basic(password: string, user = 'dashboard'): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}

/** A promise with its two ends, as later versions of Node have it. */
export function withResolvers<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (reason: Error) => void;
} {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: Error) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
