/** Reads the bodies of requests and responses, as text and never more of them than is kept. */

const BODY_BYTES_MAX = 2_048;
/** A stream that stays open is not waited for; what came by then is kept. */
const READ_MS_MAX = 5_000;
const TEXT = /json|text|xml|urlencoded|javascript/;

/** Adds the bodies of a request and of its answer to its event's props. */
export async function keepBodies(
  props: Record<string, unknown>,
  sent: unknown,
  received: unknown,
): Promise<void> {
  const [request_body, response_body] = await Promise.all([textOf(sent), textOf(received)]);
  Object.assign(props, { request_body, response_body });
}

/** The body's first 2 KB as text; undefined for none, and for one that is not text. */
async function textOf(body: unknown): Promise<string | undefined> {
  if (body instanceof Request || body instanceof Response) {
    return TEXT.test(body.headers.get('content-type') ?? '') && body.body ? read(body.body) : undefined;
  }
  if (typeof body === 'string') return cutBytes(body);
  if (body instanceof URLSearchParams) return cutBytes(body.toString());
  // The parsed answer of a request for JSON.
  if (body && Object.getPrototypeOf(body) === Object.prototype) return cutBytes(JSON.stringify(body));
  return Array.isArray(body) ? cutBytes(JSON.stringify(body)) : undefined;
}

async function read(stream: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stream.getReader();
  const timer = setTimeout(() => reader.cancel(), READ_MS_MAX);
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  while (bytes < BODY_BYTES_MAX) {
    const { value, done } = await reader.read();
    if (done) break;
    bytes += value.length;
    text += decoder.decode(value, { stream: true });
  }
  clearTimeout(timer);
  reader.cancel().catch(() => {});
  return cutBytes(text);
}

function cutBytes(text: string): string {
  const bytes = new TextEncoder().encode(text.slice(0, BODY_BYTES_MAX));
  // A character that the cut splits is left out.
  return new TextDecoder().decode(bytes.subarray(0, BODY_BYTES_MAX), { stream: true });
}
