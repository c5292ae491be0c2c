/** Reads bodies of requests and responses as text, and no more of them than is kept. */

const BODY_BYTES_MAX = 2_048;
/** After this time the text of a stream that stays open is what has arrived. */
const READ_MS_MAX = 5_000;
const TEXT = /json|text|xml|urlencoded|javascript/;

/** The body's first 2 KB as text; undefined for no body, for one that is not text, and for one that can't be read. */
export async function textOf(body: unknown): Promise<string | undefined> {
  try {
    if (body instanceof Request || body instanceof Response) {
      return TEXT.test(body.headers.get('content-type') ?? '') && body.body
        ? await read(body.body)
        : undefined;
    }
    if (typeof body === 'string' || body instanceof URLSearchParams) return cutBytes(String(body));
    // A response that `XMLHttpRequest` has parsed as JSON.
    const plain = Array.isArray(body) || (body && Object.getPrototypeOf(body) === Object.prototype);
    return plain ? cutBytes(JSON.stringify(body)) : undefined;
  } catch {
    return undefined;
  }
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
  // `stream` leaves out a character that the cut splits.
  return new TextDecoder().decode(bytes.subarray(0, BODY_BYTES_MAX), { stream: true });
}
