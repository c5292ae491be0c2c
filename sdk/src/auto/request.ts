/** A request of the page from its start to its event; headers are never looked at, but for the length of an answer. */
import type { Client } from '../seam.js';
import { attempt } from './hooks.js';
import { cut, shorten } from './text.js';

export interface Ending {
  /** 0 when it failed. */
  status: number;
  bytes?: number | undefined;
  /** Why it failed. */
  error?: string | undefined;
  /** The response, or the content of one, to keep the body of; not asked for where bodies are not kept. */
  body?: () => unknown;
}

/** Takes how a request ended; it is looked at only here, so that nothing in it can fail the app's call. */
export type Finish = (ending: () => Ending) => void;

const ERROR_MAX = 300;

/** Notes that a request starts. Undefined for one that is none of ours to note; never throws. */
export function begin(
  client: Client,
  method: string,
  address: string | URL,
  body: unknown,
): Finish | undefined {
  return attempt(() => {
    const { href } = new URL(address, document.baseURI);
    if (!/^http/.test(href) || client.isOwn(href)) return;
    const ts = Date.now();
    const startMs = performance.now();
    const verb = method.toUpperCase();
    const url = shorten(client, href);
    const kept = client.options.networkBodies.some((prefix) =>
      href.startsWith(new URL(prefix, document.baseURI).href),
    );
    // The app's own can be read once only, by the request itself.
    const sent = kept && body instanceof Request ? body.clone() : body;
    return client.guard(async (ending: () => Ending) => {
      const duration_ms = Math.round(performance.now() - startMs);
      const { status, bytes, error, body: answer } = ending();
      const props: Record<string, unknown> = {
        method: verb,
        url,
        status,
        duration_ms,
        request_bytes: sizeOf(sent),
        response_bytes: bytes,
        error: error && cut(error, ERROR_MAX),
      };
      // What cannot be loaded must not hold back what is known.
      if (kept) {
        const received = answer?.();
        await import('./bodies.js').then((part) => part.keepBodies(props, sent, received)).catch(() => {});
      }
      client.record({ type: 'network', name: `${verb} ${url.replace(/[?#].*/, '')}`, ts, props });
    });
  });
}

/** In bytes, as far as it can be told without reading anything. */
function sizeOf(body: unknown): number | undefined {
  if (typeof body === 'string' || body instanceof URLSearchParams) {
    return new TextEncoder().encode(String(body)).length;
  }
  const { size, byteLength } = Object(body);
  return size ?? byteLength;
}
