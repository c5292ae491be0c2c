/** From a request's bytes to those of its JSON: size, encoding, inflation, UTF-8. */
import { isUtf8 } from 'node:buffer';
import { gunzipSync } from 'node:zlib';
import type { Refusal } from '../domain/problems.js';
import type { IngestRequest } from './types.js';

type DecodedBody = { json: Buffer; refusal?: never } | { refusal: Refusal; json?: never };

/** A gzip stream ends with its content's length, modulo 2^32. */
const TRAILER_BYTES = 4;
/** The least that zlib takes, and as much as is worth having at once. */
const CHUNK_BYTES_MIN = 64;
const CHUNK_BYTES_MAX = 65_536;

export const isGzip = ({ encoding }: Pick<IngestRequest, 'encoding'>): boolean =>
  encoding === 'gzip' || encoding === 'x-gzip'; // RFC 9110, 8.4.1.3: the same thing

/** How large the body says that it is, inflated: a gzip stream says so at its end, and may lie. */
export function claimedBytes(request: Pick<IngestRequest, 'body' | 'encoding'>): number {
  const { body } = request;
  if (!isGzip(request) || body.length < TRAILER_BYTES) return body.length;
  const at = body.length - TRAILER_BYTES;
  const claim = Buffer.from(body.buffer, body.byteOffset + at, TRAILER_BYTES).readUInt32LE();
  return Math.max(claim, body.length);
}

/** Of the byte order mark that some clients put first: JSON has none, and a reader may skip it (RFC 8259, 8.1). */
export const markBytes = (bytes: Uint8Array): number =>
  bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;

/** The request's body, inflated, without a byte order mark: at most `maxBytes` of valid UTF-8. */
export function decodeBody(request: IngestRequest, maxBytes: number): DecodedBody {
  const { body, encoding } = request;
  if (body.byteLength > maxBytes) return tooLarge(maxBytes);

  const sent = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const inflated = isGzip(request) ? inflate(sent, maxBytes) : plain(sent, encoding);
  if (inflated.refusal !== undefined) return inflated;
  const { json } = inflated;
  if (!isUtf8(json)) return refuse('invalid_json', 'The body is not valid UTF-8.');
  return { json: json.subarray(markBytes(json)) };
}

function plain(sent: Buffer, encoding = ''): DecodedBody {
  if (encoding === '' || encoding === 'identity') return { json: sent };
  return refuse('unsupported_encoding', 'Content-Encoding may be gzip or identity.');
}

function inflate(sent: Buffer, maxBytes: number): DecodedBody {
  try {
    // A chunk more than the body fills would stay allocated with it.
    const chunkSize = Math.min(Math.max(maxBytes + 1, CHUNK_BYTES_MIN), CHUNK_BYTES_MAX);
    return { json: gunzipSync(sent, { maxOutputLength: maxBytes, chunkSize }) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return tooLarge(maxBytes);
    return refuse('bad_request', 'The body is not the gzip stream its Content-Encoding promises.');
  }
}

function tooLarge(maxBytes: number): DecodedBody {
  return refuse('body_too_large', `The body is larger than ${maxBytes} bytes, as sent or decompressed.`);
}

function refuse(code: Refusal['code'], detail: string): DecodedBody {
  return { refusal: { code, detail } };
}
