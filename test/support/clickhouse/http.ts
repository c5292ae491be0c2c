/** What the two stand-ins for ClickHouse's HTTP interface share: a request taken apart, an answer written. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gunzipSync, gzipSync } from 'node:zlib';

export interface Statement {
  /** The SQL, without the rows of an insert. */
  sql: string;
  /** What an insert brought along in its body. */
  data: Buffer;
  database?: string;
  /** `x` of `{x:Type}` to its text, escaped as in a tab-separated file. */
  parameters: Map<string, string>;
  settings: Map<string, string>;
  queryId?: string;
}

/** Parameters travel in the URL, and ClickHouse takes one of this many bytes. */
export const URL_BYTES_MAX = 1_048_576;

/** Names in the URL that are no settings. */
const OWN = new Set([
  'query',
  'database',
  'query_id',
  'session_id',
  'session_timeout',
  'user',
  'password',
  'role',
  'enable_http_compression',
  'default_format',
  'wait_end_of_query',
  'buffer_size',
]);

/** The statement of a request: in `query` with the body as its data, or in the body alone. */
export async function readStatement(request: IncomingMessage): Promise<Statement> {
  const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const raw = Buffer.concat(parts);
  const body = request.headers['content-encoding'] === 'gzip' && raw.length > 0 ? gunzipSync(raw) : raw;
  const inUrl = searchParams.get('query') ?? '';
  const database = searchParams.get('database');
  const queryId = searchParams.get('query_id');
  const entries = Array.from(searchParams);
  return {
    sql: inUrl === '' ? body.toString() : inUrl,
    data: inUrl === '' ? Buffer.alloc(0) : body,
    ...(database === null ? {} : { database }),
    ...(queryId === null ? {} : { queryId }),
    parameters: new Map(
      entries.filter(([name]) => name.startsWith('param_')).map(([name, value]) => [name.slice(6), value]),
    ),
    settings: new Map(entries.filter(([name]) => !name.startsWith('param_') && !OWN.has(name))),
  };
}

/** Answers as ClickHouse does, compressed where the client asked for it. */
export function answer(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  body: Uint8Array,
): void {
  const compressed =
    /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? '')) &&
    /[?&]enable_http_compression=1\b/.test(request.url ?? '');
  response.writeHead(status, { ...headers, ...(compressed ? { 'Content-Encoding': 'gzip' } : {}) });
  response.end(compressed ? gzipSync(body, { level: 1 }) : body);
}

/** The error's text as a body, and its code where the client looks for it. */
export function answerError(request: IncomingMessage, response: ServerResponse, text: string): void {
  const code = /^Code: (\d+)/.exec(text)?.[1];
  const headers = {
    'Content-Type': 'text/plain; charset=UTF-8',
    ...(code === undefined ? {} : { 'X-ClickHouse-Exception-Code': code }),
  };
  const status = code === '60' || code === '81' ? 404 : 500;
  answer(request, response, status, headers, Buffer.from(text));
}
