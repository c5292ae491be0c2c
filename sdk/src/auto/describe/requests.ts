/** Requests as events; the only header that is read is the length of a response. */
import type { Client } from '../../seam.js';
import type { Moment } from '../late.js';
import { cut, shorten } from './text.js';

export interface Request {
  start: Moment;
  /** By the page's clock, `performance.now()`. */
  endMs: number;
  method: string;
  url: string | URL;
  /** 0 when it failed. */
  status: number;
  /** Why it failed. */
  error: unknown;
  /** Of the response; 0 or NaN where that is not known. */
  bytes: number;
  /** The bodies, or copies of bodies that can be read only once. */
  sent: unknown;
  received: unknown;
}

const ERROR_MAX = 300;

export function createRequests(client: Client): (request: Request) => Promise<void> {
  return async ({ start, endMs, method, url: given, status, error, bytes, sent, received }) => {
    const { href } = new URL(given, start.base);
    if (!/^http/.test(href) || isOwn(client, href)) return;
    const url = shorten(client, href);
    const verb = method.toUpperCase();
    const props: Record<string, unknown> = {
      method: verb,
      url,
      status,
      duration_ms: Math.round(endMs - start.ms),
      request_bytes: sizeOf(sent),
      response_bytes: bytes || undefined,
      error: error && cut(String(error), ERROR_MAX),
    };
    const kept = client.options.networkBodies.some((prefix) =>
      href.startsWith(new URL(prefix, start.base).href),
    );
    if (kept) {
      const { textOf } = await import('./bodies.js');
      [props.request_body, props.response_body] = await Promise.all([textOf(sent), textOf(received)]);
    }
    client.record({
      ...start,
      type: 'network',
      name: `${verb} ${url.replace(/[?#].*/, '')}`,
      props,
    });
  };
}

/** Whether the SDK made a request. Only some paths: the app may be served from the collector's address. */
function isOwn({ options: { endpoint } }: Client, href: string): boolean {
  return ['/v1/events', '/v1/replay', '/sdk/'].some((path) => href.startsWith(endpoint + path));
}

/** In bytes, where it is known without reading the body. */
function sizeOf(body: unknown): number | undefined {
  if (typeof body === 'string' || body instanceof URLSearchParams) {
    return new TextEncoder().encode(String(body)).length;
  }
  const { size, byteLength } = Object(body);
  return size ?? byteLength;
}
