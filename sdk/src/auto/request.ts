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
  /** The response, or the text of one, to keep the body of; not asked for where bodies are not kept. */
  body?: () => unknown;
}

/** Takes how a request ended; it is looked at only here, so that nothing in it can fail the app's call. */
export type Finish = (ending: () => Ending) => void;

const ERROR_MAX = 300;

/** Notes that a request starts. Undefined for one that is none of ours to note. */
export function begin(
  client: Client,
  method: string,
  address: string | URL,
  body: () => unknown,
): Finish | undefined {
  const { href, protocol } = new URL(address, document.baseURI);
  if (!/^http/.test(protocol) || client.isOwn(href)) return;
  const ts = Date.now();
  const startMs = performance.now();
  const verb = method.toUpperCase();
  const url = shorten(client, href);
  const kept = client.options.networkBodies.some((prefix) =>
    href.startsWith(new URL(prefix, document.baseURI).href),
  );
  const sent = attempt(body);
  // A copy must be taken before the request is on its way, and costs nothing until it is read.
  const copy = kept && sent instanceof Request ? sent.clone() : sent;
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
    // What is not loaded must not hold back what is known.
    if (kept) {
      const response = answer?.();
      await import('./bodies.js')
        .then(async ({ textOf }) => {
          [props.request_body, props.response_body] = await Promise.all([textOf(copy), textOf(response)]);
        })
        .catch(() => {});
    }
    client.record({ type: 'network', name: `${verb} ${url.replace(/[?#].*/, '')}`, ts, props });
  });
}

/** In bytes, as far as it can be told without reading anything. */
function sizeOf(body: unknown): number | undefined {
  if (typeof body === 'string') return new TextEncoder().encode(body).length;
  if (body instanceof Blob) return body.size;
  return body instanceof ArrayBuffer || ArrayBuffer.isView(body) ? body.byteLength : undefined;
}
