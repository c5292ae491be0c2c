/** Requests as events; no header of one is ever looked at, but for the length of an answer. */
import type { Client } from '../../seam.js';
import type { Moment } from '../late.js';
import { cut, shorten } from './text.js';

export interface Request {
  start: Moment;
  /** By the page's own clock. */
  endMs: number;
  method: string;
  url: string | URL;
  /** 0 when it failed. */
  status: number;
  /** Why it failed. */
  error: unknown;
  /** Of the answer; 0 or NaN where that is not known. */
  bytes: number;
  /** The bodies, or copies of them where they can be read once only. */
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
      type: 'network',
      name: `${verb} ${url.replace(/[?#].*/, '')}`,
      ts: start.ts,
      url: start.url,
      props,
    });
  };
}

/** Whether a request is one of ours. An app may live under the collector's own address, so not all there is. */
function isOwn({ options: { endpoint } }: Client, href: string): boolean {
  return ['/v1/events', '/v1/replay', '/sdk/'].some((path) => href.startsWith(endpoint + path));
}

/** In bytes, as far as it can be told without reading anything. */
function sizeOf(body: unknown): number | undefined {
  if (typeof body === 'string' || body instanceof URLSearchParams) {
    return new TextEncoder().encode(String(body)).length;
  }
  const { size, byteLength } = Object(body);
  return size ?? byteLength;
}
