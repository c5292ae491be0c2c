/** Looks for a body's app and key before anything else is done for it. */
import type { Config } from '../config/config.js';
import type { Refusal } from '../domain/problems.js';
import { claimedBytes, decodeBody, isGzip } from './body.js';
import { type Credentials, findCredentials } from './credentials.js';
import { inflateStart } from './inflate-start.js';
import { createKeyring } from './keyring.js';
import { WRONG_KEY } from './refusals.js';
import type { IngestRequest, Known } from './types.js';

/** Where an app and a key are seen without inflating or reading the rest of a body. */
const START_BYTES = 4_096;
/** Where SDKs have them. */
const HEAD_BYTES = 512;
/** Bodies up to this size, inflated, are inflated whole: that costs less than the start, and then the whole. */
const WHOLE_BYTES_MAX = 16_384;

const NO_CREDENTIALS: Refusal = {
  code: 'invalid_envelope',
  detail: 'The body is not JSON, or has no string app and string key.',
};

/** `undefined`: the start of the body does not tell. */
type Look = { known: Known; refusal?: never } | { refusal: Refusal; known?: never } | undefined;

export type Door = ReturnType<typeof createDoor>;

export function createDoor({ apps, limits }: Pick<Config, 'apps' | 'limits'>) {
  const { opens } = createKeyring(apps);

  const judge = (found: Credentials | undefined, json?: Buffer): Look => {
    if (found === undefined) return undefined;
    if (!opens(found.app, found.key)) return { refusal: WRONG_KEY };
    return { known: { credentials: found, ...(json && { json }) } };
  };
  /** Goes on after the first app and key, if they do not fit, since the last of each name counts. */
  const judgeStart = (head: Buffer, start: () => Buffer, json?: Buffer): Look => {
    const first = judge(findCredentials(head, true), json);
    return first?.known === undefined ? judge(findCredentials(start()), json) : first;
  };

  return {
    /** Whether the right key is where SDKs have it; costs least. */
    showsKeyAtStart(request: IngestRequest): boolean {
      const body = bufferOf(request.body);
      const head = isGzip(request) ? inflateStart(body, HEAD_BYTES) : body.subarray(0, HEAD_BYTES);
      const found = findCredentials(head, true);
      return found !== undefined && opens(found.app, found.key);
    },
    /** Looks at the first 4 KiB of the body, inflated. */
    look(request: IngestRequest): Look {
      const body = bufferOf(request.body);
      const json = isGzip(request) ? inflateSmall(request, limits.body_bytes) : body;
      if (json !== undefined) {
        const start = json.subarray(0, START_BYTES);
        return judgeStart(start, () => start, json === body ? undefined : json);
      }
      return judgeStart(inflateStart(body, HEAD_BYTES), () => inflateStart(body, START_BYTES));
    },
    /** Looks through the whole body, without parsing it. */
    search(request: IngestRequest): Exclude<Look, undefined> {
      const { json, refusal } = decodeBody(request, limits.body_bytes);
      if (refusal !== undefined) return { refusal };
      const found = judge(findCredentials(json), json);
      // What is wrong with a short body is said in full: reading it costs little.
      return found ?? (json.length <= START_BYTES ? { known: { json } } : { refusal: NO_CREDENTIALS });
    },
    /** Inflates a body that showed its key; `undefined` if it is larger than it says. */
    inflate(request: IngestRequest): ReturnType<typeof decodeBody> | undefined {
      const claim = isGzip(request) ? claimedBytes(request) : limits.body_bytes;
      const decoded = decodeBody(request, Math.min(claim, limits.body_bytes));
      return decoded.refusal?.code === 'body_too_large' && claim < limits.body_bytes ? undefined : decoded;
    },
  };
}

const bufferOf = (body: Uint8Array): Buffer => Buffer.from(body.buffer, body.byteOffset, body.byteLength);

/** `undefined` where the body is not small, or not what it says. */
function inflateSmall(request: IngestRequest, bytesMax: number): Buffer | undefined {
  const claim = claimedBytes(request);
  return claim > Math.min(bytesMax, WHOLE_BYTES_MAX) ? undefined : decodeBody(request, claim).json;
}
