/** A small web server for pages under test. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Site {
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  close(): Promise<void>;
}

export interface PageFile {
  status?: number;
  type?: string;
  headers?: Record<string, string>;
  body: string;
}

/** Serves what `answer` gives for a request, on a free loopback port; 404 where it gives nothing. */
export async function startSite(
  answer: (path: string, request: IncomingMessage, response: ServerResponse) => PageFile | undefined,
): Promise<Site> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://site');
    const file = answer(pathname, request, response) ?? { status: 404, body: 'not found' };
    if (response.headersSent) return;
    response.writeHead(file.status ?? 200, {
      'Content-Type': file.type ?? 'text/html; charset=utf-8',
      ...file.headers,
    });
    response.end(file.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
