/** What a developer's browser talks to: the collector's own answers, and a script in pages that makes them reload. */
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t, { type Test } from 'tap';

interface Reload {
  readonly url: string;
  down(): void;
  up(url: string): void;
  close(): void;
}

const script = pathToFileURL(join(process.cwd(), 'scripts/reload.mjs'));
const { startReload } = (await import(script.href)) as { startReload(port: number): Promise<Reload> };

const PAGE = '<!doctype html><html><head><title>x</title></head><body></body></html>';
const POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'";
const FRAME_POLICY = "default-src 'none'; sandbox allow-same-origin";

/** A collector that answers with what it was asked, and the reload in front of it. */
async function begin(t: Test) {
  const collector = createServer(async (request, response) => {
    const { url, method, headers } = request;
    const policy = { '/': POLICY, '/assets/frame.html': FRAME_POLICY }[url ?? ''];
    if (policy !== undefined) {
      response.setHeader('content-security-policy', policy);
      return response.setHeader('content-type', 'text/html; charset=utf-8').end(PAGE);
    }
    const body = Buffer.concat(await request.toArray()).toString();
    response.writeHead(418, { 'x-own': 'kept' });
    response.end(JSON.stringify({ url, method, host: headers.host, body }));
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const address = collector.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const reload = await startReload(0);
  t.teardown(() => {
    reload.close();
    collector.close();
  });
  return { reload, port, url: `http://127.0.0.1:${port}/` };
}

t.test('a page gets the script, with the policy it had; no other answer is touched', async (t) => {
  const { reload, url } = await begin(t);
  reload.up(url);
  const page = await fetch(reload.url);
  t.equal(page.headers.get('content-security-policy'), POLICY);
  const html = await page.text();
  t.equal(html.replace('<script src="/dev/reload.js"></script>', ''), PAGE);
  t.not(html, PAGE);
  t.equal(
    await (await fetch(`${reload.url}assets/frame.html`)).text(),
    PAGE,
    'nor may that page run scripts',
  );
  t.equal(await (await fetch(url)).text(), PAGE, 'the collector itself serves none of it');
  const other = await fetch(`${reload.url}v1/events?a=1`, { method: 'POST', body: 'sent' });
  t.equal(other.status, 418);
  t.equal(other.headers.get('x-own'), 'kept');
  const host = new URL(reload.url).host;
  t.same(await other.json(), { url: '/v1/events?a=1', method: 'POST', host, body: 'sent' });
});

t.test('what is asked while the collector is started anew is answered after that', async (t) => {
  const { reload, url } = await begin(t);
  const early = fetch(reload.url);
  reload.up(url);
  t.equal((await early).status, 200);
  reload.down();
  const meanwhile = fetch(reload.url);
  reload.up(url);
  t.equal((await meanwhile).status, 200);
});

t.test('pages are told of each new start, and those that come back of the one they missed', async (t) => {
  const { reload, url } = await begin(t);
  reload.up(url);
  t.match(await (await fetch(`${reload.url}dev/reload.js`)).text(), 'location.reload()');
  const next = await listenTo(reload);
  const first = await next();
  reload.down();
  reload.up(url);
  const second = await next();
  t.not(second, first);
  const other = await listenTo(reload);
  t.equal(await other(), second);
});

/** Gives the messages of the stream, one a call. */
async function listenTo({ url }: Reload): Promise<() => Promise<string>> {
  const { body } = await fetch(`${url}dev/reload`);
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  return async () => (await reader?.read())?.value ?? '';
}

t.test('a port that is taken is no reason to stop', async (t) => {
  const { reload, port, url } = await begin(t);
  const second = await startReload(port);
  t.teardown(() => second.close());
  t.not(new URL(second.url).port, String(port));
  second.up(url);
  t.equal((await fetch(second.url)).status, 200);
  reload.up(url);
});
