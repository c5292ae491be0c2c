/** Requests over the socket of a data folder's writer lock, as they come, and a holder of that lock who answers as a test says. */
import { readdirSync } from 'node:fs';
import { type IncomingMessage, type RequestListener, request } from 'node:http';
import { join } from 'node:path';
import { WRITER_SOCKET } from '../../src/log/file/data-dir.js';
import { acquireWriterLock, type WriterLock } from '../../src/log/file/writer-lock.js';

export const OPERATOR = { 'x-spyglass-socket': '1' };

/** Of the one who holds the lock. */
export function socketIn(dataDir: string): string {
  const name = readdirSync(dataDir).find((one) => WRITER_SOCKET.test(one));
  if (name === undefined) throw new Error(`nobody holds ${dataDir}`);
  return join(dataDir, name);
}

export interface SocketRequest {
  path?: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

/** The answer as it begins; its headers are those of the operator unless given. */
export function openOnSocket(
  dataDir: string,
  { path = '/commands', method = 'POST', headers = OPERATOR, body = '' }: SocketRequest,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options = { socketPath: socketIn(dataDir), method, path, headers, agent: false };
    request(options, resolve).on('error', reject).end(body);
  });
}

/** The whole answer. */
export async function askSocket(
  dataDir: string,
  options: SocketRequest,
): Promise<{ status: number | undefined; type: string | undefined; text: string }> {
  const response = await openOnSocket(dataDir, options);
  const text = (await response.setEncoding('utf8').toArray()).join('');
  return { status: response.statusCode, type: response.headers['content-type'], text };
}

/** Holds a folder as a collector does, and answers its commands by `answer`. */
export async function holdAsCollector(dataDir: string, answer: RequestListener): Promise<WriterLock> {
  const lock = await acquireWriterLock(dataDir, 0);
  lock.serve(answer);
  return lock;
}
