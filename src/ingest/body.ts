/** From a request's bytes to those of its JSON: size, encoding, inflation, UTF-8. */
import { isUtf8 } from 'node:buffer';
import { gunzipSync } from 'node:zlib';
import type { Refusal } from '../domain/problems.js';
import type { IngestRequest } from './types.js';

type DecodedBody = { json: Buffer; refusal?: never } | { refusal: Refusal; json?: never };

/** The request's body, inflated: at most `maxBytes` of valid UTF-8. */
export function decodeBody(request: IngestRequest, maxBytes: number): DecodedBody {
  const { body, encoding } = request;
  if (body.byteLength > maxBytes) return tooLarge(maxBytes);

  const sent = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const inflated = inflate(sent, encoding, maxBytes);
  if (inflated.refusal !== undefined) return inflated;
  if (!isUtf8(inflated.json)) return refuse('invalid_json', 'The body is not valid UTF-8.');
  return inflated;
}

function inflate(sent: Buffer, encoding: string | undefined, maxBytes: number): DecodedBody {
  switch (encoding) {
    case undefined:
    case '':
    case 'identity':
      return { json: sent };
    case 'gzip':
    case 'x-gzip': // RFC 9110, 8.4.1.3: the same thing
      break;
    default:
      return refuse('unsupported_encoding', 'Content-Encoding may be gzip or identity.');
  }
  try {
    return { json: gunzipSync(sent, { maxOutputLength: maxBytes }) };
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
