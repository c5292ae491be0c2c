/** A client that keeps each answer as the bytes two releases are compared by. */
import { createHash } from 'node:crypto';
import { type Answer, type Ask, ask, basic } from '../support/http.js';

/** Headers that differ from run to run, or say no more than how long the body is. */
const LEFT_OUT = ['connection', 'content-length', 'date', 'etag', 'keep-alive', 'x-request-id'];

/** Fields of JSON bodies that differ from run to run, or from release to release by intention. */
const MASKED = /"(at|file_bytes_before|file_bytes_after|version)":(\d+|"[^"]*")/g;

/** Answered as the `instance` of a problem, which would be random otherwise. */
const REQUEST_ID = 'answers';

export interface Recorder {
  /** Asks as the operator unless the headers say otherwise, and records what comes back. */
  ask(path: string, init?: Ask): Promise<Answer>;
  /** Records something that did not come as one answer. */
  note(what: string, bytes: Uint8Array | string): void;
  /** Everything recorded since the last call, and its SHA-256 in hex. */
  take(): { bytes: Buffer; sha256: string };
}

/** Records answers of the collector at `url()`. */
export function createRecorder(url: () => string, password: string): Recorder {
  let parts: Buffer[] = [];
  const note = (what: string, bytes: Uint8Array | string): void => {
    parts.push(Buffer.from(`${what}\n`), Buffer.from(bytes), Buffer.from('\n\n'));
  };
  return {
    note,
    async ask(path, init = {}) {
      const headers = { ...basic(password), 'x-request-id': REQUEST_ID, ...init.headers };
      const answer = await ask(url(), path, { ...init, headers });
      note(`${init.method ?? 'GET'} ${path}\n${headOf(answer)}`, bodyOf(answer));
      return answer;
    },
    take() {
      const bytes = Buffer.concat(parts);
      parts = [];
      return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
    },
  };
}

function headOf({ status, headers }: Answer): string {
  const lines = Object.entries(headers)
    .filter(([name]) => !LEFT_OUT.includes(name))
    .map(([name, value]) => `${name}: ${value}`)
    .sort();
  return [status, ...lines, ''].join('\n');
}

function bodyOf({ headers, bytes }: Answer): Uint8Array | string {
  const type = headers['content-type'] ?? '';
  if (headers['content-encoding'] !== undefined || !type.includes('json')) return bytes;
  return bytes.toString().replace(MASKED, '"$1":"masked"');
}
